/**
 * Which lanes a worker should look at. A lane is looked at when something says that it has work (a notification, the poll), and
 * again when a place becomes free after a look that had to leave work behind; otherwise a finished job costs no statement.
 */
import { createLatch } from './latch.ts';

/** The latch needs a limit; the poll pokes it long before. */
const IDLE_WAIT_MS = 60_000;

/** A lane to look at. */
export interface DueLane {
  readonly providerId: string;
  /** Something said that it has work; false where only a place became free. */
  readonly isTold: boolean;
}

/** The lanes of one worker. */
export interface LaneWatch {
  /** The lane has work, or may have. */
  poke(providerId: string): void;
  /** The last look found no room for what the lane may still hold. */
  leaveWaiting(providerId: string): void;
  /** A place became free somewhere: lanes that were left waiting are looked at again. */
  pokeWaiting(): void;
  /** The next lane to look at; undefined when there is none after a while, or after `wake`. */
  next(): Promise<DueLane | undefined>;
  wake(): void;
}

/** Creates an empty watch. */
export function createLaneWatch(): LaneWatch {
  const due = new Map<string, boolean>();
  const waiting = new Set<string>();
  const latch = createLatch();
  return {
    poke(providerId) {
      due.set(providerId, true);
      latch.poke();
    },
    leaveWaiting: (providerId) => void waiting.add(providerId),
    pokeWaiting() {
      if (waiting.size === 0) return;
      for (const providerId of waiting) due.set(providerId, due.get(providerId) ?? false);
      waiting.clear();
      latch.poke();
    },
    async next() {
      if (due.size === 0) await latch.wait(IDLE_WAIT_MS);
      const [first] = due;
      if (first === undefined) return undefined;
      const [providerId, isTold] = first;
      due.delete(providerId);
      return { providerId, isTold };
    },
    wake: () => latch.poke(),
  };
}
