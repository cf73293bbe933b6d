/**
 * The requests that this process holds open, by job. A waiter is registered before its row exists, so that no wake-up can come
 * too early; a wake-up that comes while nobody waits is remembered.
 */
import type { Picture } from '../../media/picture.ts';

/** Why a waiter woke: the picture itself (made in this process), or a reason to read the row. */
export type Wake = { readonly kind: 'look' } | { readonly kind: 'picture'; readonly picture: Picture };

/** One request that waits for its job. */
export interface HeldRequest {
  /** Resolves at the next wake-up, or with `undefined` when one of the signals is aborted first. */
  next(...signals: readonly AbortSignal[]): Promise<Wake | undefined>;
  /** Forgets the request; a picture that was not taken is given back. */
  drop(): void;
}

/** All of them, in this process. */
export interface HeldRequests {
  hold(jobId: string): HeldRequest;
  jobIds(): string[];
  /** @returns false when this process does not hold the job's request (the caller keeps what it wanted to hand over). */
  wake(jobId: string, wake: Wake): boolean;
  count(): number;
  /** Resolves as soon as nothing is held. */
  whenEmpty(): Promise<void>;
}

interface Waiter {
  remembered: Wake | undefined;
  resolve: ((wake: Wake) => void) | undefined;
}

/** A register of held requests; one per process. */
export function createHeldRequests(): HeldRequests {
  const waiters = new Map<string, Waiter>();
  const onEmpty: (() => void)[] = [];
  return {
    hold(jobId) {
      const waiter: Waiter = { remembered: undefined, resolve: undefined };
      waiters.set(jobId, waiter);
      return {
        next: (...signals) => nextWake(waiter, signals),
        drop: () => {
          waiters.delete(jobId);
          if (waiters.size === 0) for (const resolve of onEmpty.splice(0)) resolve();
          if (waiter.remembered?.kind === 'picture') discardPicture(waiter.remembered.picture);
          waiter.remembered = undefined;
        },
      };
    },
    jobIds: () => [...waiters.keys()],
    wake(jobId, wake) {
      const waiter = waiters.get(jobId);
      if (waiter === undefined) return false;
      if (waiter.resolve !== undefined) {
        waiter.resolve(wake);
        return true;
      }
      if (waiter.remembered?.kind === 'picture') return wake.kind === 'look';
      waiter.remembered = wake;
      return true;
    },
    count: () => waiters.size,
    whenEmpty: () => (waiters.size === 0 ? Promise.resolve() : new Promise((resolve) => onEmpty.push(resolve))),
  };
}

// listens to each signal itself: a combined AbortSignal would cost every held request another 2 kB
function nextWake(waiter: Waiter, signals: readonly AbortSignal[]): Promise<Wake | undefined> {
  const { remembered } = waiter;
  if (remembered !== undefined) {
    waiter.remembered = undefined;
    return Promise.resolve(remembered);
  }
  if (signals.some((signal) => signal.aborted)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const settle = (wake: Wake | undefined) => {
      waiter.resolve = undefined;
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
      resolve(wake);
    };
    const onAbort = () => settle(undefined);
    waiter.resolve = settle;
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Gives back what a picture holds when nobody is going to send it. */
function discardPicture({ bytes }: Picture): void {
  if (bytes.kind === 'memory') bytes.release?.();
  else bytes.handle.close().catch(() => undefined);
}
