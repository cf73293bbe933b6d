/** One call to a provider, with its own time limit, tickets polled to their end. */
import { setTimeout as wait } from 'node:timers/promises';
import type {
  CallContext,
  CallOutcome,
  Provider,
  ProviderFailure,
  ProviderImage,
  ProviderInput,
  ProviderTicket,
} from '../providers/provider.ts';

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
  /** Stores a ticket before its first poll. Rejects when the claim no longer counts. */
  readonly keepTicket: (ticket: ProviderTicket) => Promise<void>;
}

/**
 * Makes the call. A call that outlives its time is a retryable failure, perhaps charged.
 *
 * @throws the reason of `stop` when that was aborted.
 */
export async function callProvider(call: Call): Promise<CallResult> {
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), call.timeoutMs);
  const signal = AbortSignal.any([call.stop, timer.signal]);
  const context = { signal, deadlineAt: performance.now() + call.timeoutMs, mark: call.mark };
  try {
    const first: CallOutcome = call.ticket
      ? { outcome: 'ticket', ticket: call.ticket }
      : await call.provider.submit(call.input, context);
    if (first.outcome !== 'ticket') return first;
    if (!call.ticket) await call.keepTicket(first.ticket);
    return await pollToEnd(call.provider, first.ticket, context);
  } catch (error) {
    if (call.stop.aborted) throw call.stop.reason;
    if (timer.signal.aborted) return { outcome: 'failed', failure: noAnswer(call.timeoutMs), isTimeout: true };
    throw error;
  } finally {
    clearTimeout(timeout);
  }
}

async function pollToEnd(provider: Provider, ticket: ProviderTicket, context: CallContext): Promise<CallResult> {
  if (!provider.poll) throw new Error(`provider ${provider.description.id} gave a ticket but cannot be polled`);
  for (;;) {
    const polled = await provider.poll(ticket, context);
    if (polled.outcome !== 'pending') return polled;
    await wait(polled.retryAfterMs, undefined, { signal: context.signal });
  }
}

const noAnswer = (timeoutMs: number): ProviderFailure => ({
  kind: 'unavailable',
  retryable: true,
  charged: 'maybe',
  reason: `no answer within ${(timeoutMs / 1000).toFixed(1)} s`,
});
