/**
 * Hashing for sign-ins, one at a time, with a rest after each nine times as long as the hash: however many sign in, it takes a
 * tenth of one core, and photos keep the rest. One that comes alone never waits.
 */
import { DomainError } from '../../domain/errors.ts';

const REST_RATIO = 9;
/** Whoever would wait longer is told to come back. */
const WAIT_MS_MAX = 5_000;
/** What a hash takes until one was measured, in milliseconds. */
const FIRST_HASH_MS = 30;

/** Runs hashes at a bounded pace. */
export interface HashQueue {
  /** @throws DomainError `login_throttled` when too many wait already. */
  demandPlace(): void;
  /** Runs the hash when its turn comes. @throws DomainError `login_throttled`; or what the hash throws. */
  run<Result>(hash: () => Promise<Result>): Promise<Result>;
}

/** A queue of its own, for one process. @param now in milliseconds. */
export function createHashQueue(now: () => number = () => performance.now()): HashQueue {
  const waiting: (() => void)[] = [];
  let isBusy = false;
  let hashMs = FIRST_HASH_MS;
  let restEndsAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const waitMs = () => waiting.length * hashMs * (1 + REST_RATIO);
  const demandPlace = () => {
    if (waitMs() <= WAIT_MS_MAX) return;
    throw new DomainError('login_throttled', 'Too many people sign in at once. Wait a little.', {
      retryAfterSeconds: Math.ceil(waitMs() / 1000),
    });
  };
  const next = () => {
    if (isBusy || waiting.length === 0 || timer !== undefined) return;
    const restMs = restEndsAt - now();
    if (restMs <= 0) {
      isBusy = true;
      return waiting.shift()?.();
    }
    timer = setTimeout(() => {
      timer = undefined;
      next();
    }, restMs);
  };
  return {
    demandPlace,
    async run(hash) {
      demandPlace();
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        next();
      });
      const begunAt = now();
      try {
        return await hash();
      } finally {
        hashMs = Math.max(1, now() - begunAt);
        restEndsAt = now() + hashMs * REST_RATIO;
        isBusy = false;
        next();
      }
    },
  };
}
