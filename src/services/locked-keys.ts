/** What this process knows to be locked: a flood is refused without asking the database each time. */

/** How long an answer of the database is believed, in milliseconds. Short: another process may lift a lock. */
const BELIEVED_MS = 1_000;
const KEYS_MAX = 10_000;

/** Remembers for a moment how long keys are locked, by the monotonic clock. */
export interface LockedKeys {
  /** How long to wait, in milliseconds; 0 when nothing is known of the key. */
  waitMs(key: string): number;
  remember(key: string, waitMs: number): void;
}

/** An empty memory. It never holds more than 10,000 keys; of more the oldest are forgotten. @param now in milliseconds. */
export function createLockedKeys(now: () => number = () => performance.now()): LockedKeys {
  const locks = new Map<string, { readonly endsAt: number; readonly believedUntil: number }>();
  return {
    waitMs(key) {
      const lock = locks.get(key);
      if (lock === undefined) return 0;
      if (now() < lock.believedUntil) return Math.max(1, lock.endsAt - now());
      locks.delete(key);
      return 0;
    },
    remember(key, waitMs) {
      locks.delete(key);
      if (locks.size >= KEYS_MAX) locks.delete(locks.keys().next().value as string);
      locks.set(key, { endsAt: now() + waitMs, believedUntil: now() + Math.min(waitMs, BELIEVED_MS) });
    },
  };
}
