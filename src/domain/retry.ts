/**
 * The retry budget: one deadline clock for all attempts of a job. Everything is in milliseconds and pure; chance comes in as an
 * argument.
 */
import type { ProviderFailureFacts } from './provider-failure.ts';

/** At most this many calls for one job. */
export const ATTEMPTS_MAX = 5;

/** Kept back from every attempt for checking, storing and sending the picture. */
export const DELIVERY_RESERVE_MS = 1_000;

/** Waits between attempts double from here, up to the cap, each with full jitter above half. */
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 4_000;

/** A provider answering sooner than this failed fast: the first retry goes out at once. */
const FAST_FAILURE_MS = 5_000;

/** A quick call takes about this share of a slow one; a retry that has less time would be paid for in vain. */
const QUICK_CALL_SHARE = 0.2;

/** The share of the window kept for delivery may not eat short windows (tests, rehearsals). */
export const deliveryReserveMs = (leftMs: number): number => Math.min(DELIVERY_RESERVE_MS, leftMs / 10);

/**
 * How long one attempt may take. A hang must leave time for one retry, but only where the budget holds two slow calls: cutting a
 * slow but healthy first call short to make room for a second that cannot finish either would help nobody.
 */
export function attemptTimeoutMs(budget: { leftMs: number; attemptNo: number; slowCallMs: number }): number {
  const usableMs = Math.max(0, budget.leftMs - deliveryReserveMs(budget.leftMs));
  const sparedMs = usableMs - budget.slowCallMs;
  const hasRetryLeft = budget.attemptNo < ATTEMPTS_MAX;
  return hasRetryLeft && sparedMs >= budget.slowCallMs ? sparedMs : usableMs;
}

/** What decides about another call. Durations in milliseconds. */
export interface RetryQuestion {
  readonly failure: ProviderFailureFacts;
  /** Calls made so far, this one included. */
  readonly attemptNo: number;
  readonly leftMs: number;
  /** How long the failed call took. */
  readonly tookMs: number;
  /** How long a slow but healthy call of the provider takes. */
  readonly slowCallMs: number;
  /** Uniform in [0, 1). */
  readonly chance: number;
}

/** The answer: when to call again, or why not. */
export type RetryDecision =
  | { readonly retry: true; readonly waitMs: number }
  | { readonly retry: false; readonly why: string };

/** Failures that stay what they are, whatever an adapter says of them. */
const HOPELESS: ReadonlySet<string> = new Set(['refused', 'invalid_key', 'bad_request']);

/** Whether and when to call again after a failure. */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const { failure, attemptNo, leftMs } = question;
  // a second call after one that is known to be charged would be a double charge
  if (failure.charged === 'yes') return { retry: false, why: 'the call was charged' };
  if (HOPELESS.has(failure.kind) || !failure.retryable || failure.exhausted)
    return { retry: false, why: 'the answer will not change' };
  if (attemptNo >= ATTEMPTS_MAX) return { retry: false, why: `all ${ATTEMPTS_MAX} attempts are used up` };
  const waitMs = retryWaitMs(question);
  const usableMs = leftMs - deliveryReserveMs(leftMs) - waitMs;
  if (usableMs < question.slowCallMs * QUICK_CALL_SHARE)
    return { retry: false, why: 'the window closes before a retry could help' };
  return { retry: true, waitMs };
}

function retryWaitMs({ failure, attemptNo, tookMs, chance }: RetryQuestion): number {
  if (failure.retryAfterMs !== undefined) return failure.retryAfterMs + chance * BACKOFF_FIRST_MS;
  // an empty answer that came fast costs nothing but a second try: measured at 1.2 s, with most of the window unused
  if (failure.kind === 'empty' && attemptNo === 1 && tookMs < FAST_FAILURE_MS) return 0;
  const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attemptNo - 1));
  return ceilingMs * (0.5 + chance / 2);
}
