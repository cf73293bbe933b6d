/**
 * The retry budget: one deadline clock for all attempts of a job. Everything is in milliseconds and pure; chance comes in as an
 * argument.
 */
import type { ProviderFailureFacts } from './provider-failure.ts';
import type { RepeatPaidCalls } from './slot-policy.ts';

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

/** A call that takes so many times as long as 19 of 20 did lately hangs; below the least time that cannot be told. */
const PATIENCE = 4;
const PATIENCE_MS_MIN = 10_000;

const CHARGES = ['no', 'maybe', 'yes'] as const;

/** The share of the window kept for delivery may not eat short windows (tests, rehearsals). */
export const deliveryReserveMs = (leftMs: number): number => Math.min(DELIVERY_RESERVE_MS, leftMs / 10);

/** What bounds an attempt. Durations in milliseconds. */
export interface AttemptBudget {
  readonly leftMs: number;
  /** Calls made on this link so far, this one included. */
  readonly attemptNo: number;
  /** How long a slow but healthy call takes, by the latest calls or, without any, by the adapter's word. */
  readonly slowCallMs: number;
  /** Whether `slowCallMs` comes from the latest calls. */
  readonly isLearnt?: boolean;
  /** Whether the same call may be made again when this one brings nothing. Default: yes. */
  readonly mayRepeat?: boolean;
  /** What the next link of the chain usually takes; left out where there is none. */
  readonly nextUsualMs?: number | undefined;
  /** What the last link, which is always there, needs. */
  readonly reserveMs?: number;
}

/**
 * How long one attempt may take. A hang must leave time for a second chance (a retry, or the next provider), but only where the
 * budget holds both: cutting a slow but healthy first call short to make room for a second that cannot finish either would help
 * nobody. Where the latest calls say how long calls take, one that takes many times as long is not waited for.
 */
export function attemptTimeoutMs(budget: AttemptBudget): number {
  const { leftMs, slowCallMs, mayRepeat = true, nextUsualMs, reserveMs = 0 } = budget;
  const usableMs = Math.max(0, leftMs - deliveryReserveMs(leftMs) - reserveMs);
  const retryMs = mayRepeat && budget.attemptNo < ATTEMPTS_MAX ? slowCallMs : Number.POSITIVE_INFINITY;
  const secondChanceMs = Math.min(retryMs, nextUsualMs ?? Number.POSITIVE_INFINITY);
  const sparedMs = usableMs - secondChanceMs;
  if (sparedMs < slowCallMs) return usableMs;
  return budget.isLearnt ? Math.min(sparedMs, Math.max(PATIENCE * slowCallMs, PATIENCE_MS_MIN)) : sparedMs;
}

/** The worse of two words about a bill. */
export function worseCharge(one: ProviderFailureFacts['charged'], other: ProviderFailureFacts['charged']) {
  return CHARGES.indexOf(one) >= CHARGES.indexOf(other) ? one : other;
}

/** Whether a provider may be called once more for a job, after what its calls have been charged so far. */
export const mayCallAgain = (
  repeatPaidCalls: RepeatPaidCalls | undefined,
  charged: ProviderFailureFacts['charged'],
): boolean => repeatPaidCalls === 'always' || charged === 'no' || (charged === 'maybe' && repeatPaidCalls !== 'never');

/** What decides about another call. Durations in milliseconds. */
export interface RetryQuestion {
  readonly failure: ProviderFailureFacts;
  /** Calls made on this link so far, this one included. */
  readonly attemptNo: number;
  readonly leftMs: number;
  /** What the calls of this provider for this job have been charged so far, as far as is known. Default: as the failure says. */
  readonly charged?: ProviderFailureFacts['charged'];
  readonly repeatPaidCalls?: RepeatPaidCalls | undefined;
  /** What a call usually takes; default: a share of a slow one. */
  readonly usualMs?: number | undefined;
  /** What the last link of the chain needs. */
  readonly reserveMs?: number;
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
  const charged = worseCharge(failure.charged, question.charged ?? 'no');
  // a second call after one that is known to be charged would be a double charge
  if (!mayCallAgain(question.repeatPaidCalls, charged))
    return { retry: false, why: charged === 'yes' ? 'the call was charged' : 'the call may have been charged' };
  if (HOPELESS.has(failure.kind) || !failure.retryable || failure.exhausted)
    return { retry: false, why: 'the answer will not change' };
  if (attemptNo >= ATTEMPTS_MAX) return { retry: false, why: `all ${ATTEMPTS_MAX} attempts are used up` };
  const waitMs = retryWaitMs(question);
  const usableMs = leftMs - deliveryReserveMs(leftMs) - (question.reserveMs ?? 0) - waitMs;
  if (usableMs < usualCallMs(question)) return { retry: false, why: 'the window closes before a retry could help' };
  return { retry: true, waitMs };
}

/** Whether what is left of the window is too short for any further call of the provider. */
export const isWindowSpent = (question: Pick<RetryQuestion, 'leftMs' | 'usualMs' | 'slowCallMs'>): boolean =>
  question.leftMs - deliveryReserveMs(question.leftMs) < usualCallMs(question);

/** How long a call usually takes: by the latest calls, or as a share of what the adapter calls slow. */
export const usualCallMs = ({ usualMs, slowCallMs }: { usualMs?: number | undefined; slowCallMs: number }): number =>
  usualMs ?? slowCallMs * QUICK_CALL_SHARE;

function retryWaitMs({ failure, attemptNo, tookMs, chance }: RetryQuestion): number {
  if (failure.retryAfterMs !== undefined) return failure.retryAfterMs + chance * BACKOFF_FIRST_MS;
  // an empty answer that came fast costs nothing but a second try: measured at 1.2 s, with most of the window unused
  if (failure.kind === 'empty' && attemptNo === 1 && tookMs < FAST_FAILURE_MS) return 0;
  const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attemptNo - 1));
  return ceilingMs * (0.5 + chance / 2);
}
