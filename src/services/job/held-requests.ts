/**
 * The requests that this process holds open, by job. A waiter is registered before its row exists, so that no wake-up can come
 * too early; a wake-up that comes while nobody waits is remembered. Requests that are the same one wait for one job.
 */
import type { Picture } from '../../media/picture.ts';

/** Why a waiter woke: the picture itself (made in this process), or a reason to read the row. */
export type Wake = { readonly kind: 'look' } | { readonly kind: 'picture'; readonly picture: Picture };

/** One request that waits for its job. */
export interface HeldRequest {
  /** Resolves at the next wake-up, or with `undefined` when one of the signals is aborted first. */
  next(...signals: readonly AbortSignal[]): Promise<Wake | undefined>;
  /** Waits for the job of an earlier request instead; as that may be final already, its row is to be read first. */
  join(jobId: string): void;
  /** Forgets the request; a picture that was not taken is given back. */
  drop(): void;
}

/** All of them, in this process. */
export interface HeldRequests {
  hold(jobId: string): HeldRequest;
  jobIds(): string[];
  /** @returns false when this process does not hold the job's request (the caller keeps what it wanted to hand over). */
  wake(jobId: string, wake: Wake): boolean;
  /** How many requests, of however many jobs. */
  count(): number;
  /** Resolves as soon as nothing is held. */
  whenEmpty(): Promise<void>;
}

/** A register of held requests; one per process. */
export function createHeldRequests(): HeldRequests {
  const register: Register = { waiters: new Map(), onEmpty: [], count: 0 };
  return {
    hold: (jobId) => new Waiter(register, jobId),
    jobIds: () => [...register.waiters.keys()],
    wake(jobId, wake) {
      const found = register.waiters.get(jobId);
      if (found === undefined) return false;
      return Array.isArray(found) ? wakeAll(found, wake) : found.wake(wake);
    },
    count: () => register.count,
    whenEmpty: () =>
      register.count === 0 ? Promise.resolve() : new Promise((resolve) => register.onEmpty.push(resolve)),
  };
}

interface Register {
  /** Nearly every job has one waiter, which then needs no list of its own. */
  readonly waiters: Map<string, Waiter | Waiter[]>;
  readonly onEmpty: (() => void)[];
  count: number;
}

const ONCE = { once: true } as const;
const NOTHING = (): void => undefined;
const NONE: readonly AbortSignal[] = [];
const LOOK: Wake = { kind: 'look' };

/** A class, because each of thousands of held requests would otherwise have a closure for every method. */
class Waiter implements HeldRequest {
  readonly #register: Register;
  #jobId: string;
  #remembered: Wake | undefined = undefined;
  #resolve: ((wake: Wake | undefined) => void) | undefined = undefined;
  #signals: readonly AbortSignal[] = NONE;
  #onAbort = NOTHING;

  constructor(register: Register, jobId: string) {
    this.#register = register;
    this.#jobId = jobId;
    this.#enter();
  }

  // listens to each signal itself: a combined AbortSignal would cost every held request another 2 kB
  next(...signals: readonly AbortSignal[]): Promise<Wake | undefined> {
    const remembered = this.#remembered;
    if (remembered !== undefined) {
      this.#remembered = undefined;
      return Promise.resolve(remembered);
    }
    if (signals.some((signal) => signal.aborted)) return Promise.resolve(undefined);
    this.#signals = signals;
    this.#onAbort = () => this.#settle(undefined);
    for (const signal of signals) signal.addEventListener('abort', this.#onAbort, ONCE);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #settle(wake: Wake | undefined): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#onAbort);
    this.#signals = NONE;
    resolve?.(wake);
  }

  join(jobId: string): void {
    this.#leave();
    this.#jobId = jobId;
    this.#enter();
    this.wake(LOOK);
  }

  drop(): void {
    const { onEmpty } = this.#register;
    this.#leave();
    if (this.#register.count === 0) for (const resolve of onEmpty.splice(0)) resolve();
    if (this.#remembered?.kind === 'picture') discardPicture(this.#remembered.picture);
    this.#remembered = undefined;
  }

  /** @returns whether it is told; it takes one picture at most. */
  wake(wake: Wake): boolean {
    if (this.#resolve !== undefined) this.#settle(wake);
    else if (!this.hasPicture()) this.#remembered = wake;
    else return wake.kind === 'look';
    return true;
  }

  hasPicture(): boolean {
    return this.#remembered?.kind === 'picture';
  }

  #enter(): void {
    const { waiters } = this.#register;
    const found = waiters.get(this.#jobId);
    if (found === undefined) waiters.set(this.#jobId, this);
    else if (Array.isArray(found)) found.push(this);
    else waiters.set(this.#jobId, [found, this]);
    this.#register.count += 1;
  }

  #leave(): void {
    const { waiters } = this.#register;
    const found = waiters.get(this.#jobId);
    if (found === this) waiters.delete(this.#jobId);
    else if (Array.isArray(found) && found.includes(this)) {
      const others = found.filter((waiter) => waiter !== this);
      waiters.set(this.#jobId, others.length === 1 && others[0] !== undefined ? others[0] : others);
    } else return;
    this.#register.count -= 1;
  }
}

/** Everybody gets the same bytes; they are given back when the last one has sent them. */
function wakeAll(waiters: readonly Waiter[], wake: Wake): boolean {
  if (wake.kind === 'look') return waiters.map((waiter) => waiter.wake(wake)).some(Boolean);
  const takers = waiters.filter((waiter) => !waiter.hasPicture());
  const wakes = shareOut(wake.picture, takers.length);
  return takers.map((waiter, index) => waiter.wake(wakes[index] ?? LOOK)).some(Boolean);
}

function shareOut(picture: Picture, count: number): Wake[] {
  const { bytes } = picture;
  // an open file has one reader; the others open the stored picture for themselves
  if (bytes.kind === 'file') return [{ kind: 'picture', picture }];
  let left = count;
  const release = (): void => {
    left -= 1;
    if (left === 0) bytes.release?.();
  };
  return Array.from({ length: count }, () => ({
    kind: 'picture',
    picture: { ...picture, bytes: { ...bytes, release } },
  }));
}

/** Gives back what a picture holds when nobody is going to send it. */
function discardPicture({ bytes }: Picture): void {
  if (bytes.kind === 'memory') bytes.release?.();
  else bytes.handle.close().catch(() => undefined);
}
