/** Wakes whoever waits. A poke that comes while nobody waits is kept for the next one who does, so no wake-up is lost. */
export interface Latch {
  /** Ends every wait under way; with none, the next one ends at once. Any number of unheard pokes count as one. */
  poke(): void;
  /**
   * Resolves to `true` when poked, to `false` after `limitMs` or once `signal` is aborted. Never rejects, and leaves neither a
   * timer nor a listener behind. An aborted wait takes no poke: it stays for the next.
   */
  wait(limitMs: number, signal?: AbortSignal): Promise<boolean>;
}

/** A {@link Latch} that has not been poked yet. */
export function createLatch(): Latch {
  let isPoked = false;
  const waiters = new Set<(poked: boolean) => void>();
  return {
    poke() {
      isPoked = waiters.size === 0;
      for (const finish of [...waiters]) finish(true);
    },
    wait(limitMs, signal) {
      if (signal?.aborted) return Promise.resolve(false);
      if (isPoked) {
        isPoked = false;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const onAbort = (): void => finish(false);
        const finish = (poked: boolean): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          waiters.delete(finish);
          resolve(poked);
        };
        const timer = setTimeout(finish, limitMs, false);
        signal?.addEventListener('abort', onAbort, { once: true });
        waiters.add(finish);
      });
    },
  };
}
