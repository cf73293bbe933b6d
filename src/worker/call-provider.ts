/** One call to a provider, with its own time limit, tickets polled to their end. */
import { setTimeout as wait } from 'node:timers/promises';
import type {
  CallContext,
  CallOutcome,
  Charged,
  Provider,
  ProviderFailure,
  ProviderImage,
  ProviderInput,
  ProviderTicket,
} from '../providers/provider.ts';
import { StopReason } from './stop-reason.ts';

/** What a call came to, its tickets polled to the end. */
export type CallResult =
  | { readonly outcome: 'done'; readonly image: ProviderImage }
  | {
      readonly outcome: 'failed';
      readonly failure: ProviderFailure /** The call outlived its time. */;
      readonly isTimeout?: true;
    };

/** One call to be made. */
export interface Call {
  readonly provider: Provider;
  readonly input: ProviderInput;
  readonly timeoutMs: number;
  /** Ends the job's claim; the call then rejects with the signal's reason. */
  readonly stop: AbortSignal;
  /** A ticket of an earlier claim: it is polled, nothing is submitted again. */
  readonly ticket: ProviderTicket | undefined;
  readonly mark: CallContext['mark'];
  readonly publish: CallContext['publish'];
  /** Stores a ticket before its first poll. Rejects when the claim no longer counts. */
  readonly keepTicket: (ticket: ProviderTicket) => Promise<void>;
}

/**
 * Makes the call. A call that outlives its time is a retryable failure, perhaps charged. A ticket that nobody will poll again is
 * cancelled at the service, whose answer is not waited for.
 *
 * @throws the reason of `stop` when that was aborted.
 */
export async function callProvider(call: Call): Promise<CallResult> {
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), call.timeoutMs);
  const signal = AbortSignal.any([call.stop, timer.signal]);
  const { mark, publish } = call;
  const context = { signal, deadlineAt: performance.now() + call.timeoutMs, mark, publish };
  let { ticket } = call;
  let isKept = ticket !== undefined;
  try {
    const first: CallOutcome = ticket ? { outcome: 'ticket', ticket } : await call.provider.submit(call.input, context);
    if (first.outcome !== 'ticket') return first;
    ticket = first.ticket;
    if (!isKept) await call.keepTicket(ticket);
    isKept = true;
    return await pollToEnd(call.provider, ticket, context);
  } catch (error) {
    if (ticket !== undefined && !(isKept && mayBeResumed(call.stop))) abandon(call.provider, ticket);
    if (call.stop.aborted) throw call.stop.reason;
    if (timer.signal.aborted)
      return { outcome: 'failed', failure: noAnswer(call.timeoutMs, ticket?.charged), isTimeout: true };
    throw error;
  } finally {
    clearTimeout(timeout);
  }
}

/** Whether another worker may poll the job's ticket: the job is not final, and this claim of it ended. */
const mayBeResumed = (stop: AbortSignal): boolean =>
  stop.aborted && !(stop.reason instanceof StopReason && stop.reason.why === 'final');

/** Best effort: a service that does not hear of it finishes a picture nobody takes. The adapter bounds how long it tries. */
function abandon(provider: Provider, ticket: ProviderTicket): void {
  void provider.cancel?.(ticket).catch(() => undefined);
}

async function pollToEnd(provider: Provider, ticket: ProviderTicket, context: CallContext): Promise<CallResult> {
  if (!provider.poll) throw new Error(`provider ${provider.description.id} gave a ticket but cannot be polled`);
  for (;;) {
    const polled = await provider.poll(ticket, context);
    if (polled.outcome !== 'pending') return polled;
    await wait(polled.retryAfterMs, undefined, { signal: context.signal });
  }
}

const noAnswer = (timeoutMs: number, charged: Charged = 'maybe'): ProviderFailure => ({
  kind: 'unavailable',
  retryable: true,
  charged,
  reason: `no answer within ${(timeoutMs / 1000).toFixed(1)} s`,
});
