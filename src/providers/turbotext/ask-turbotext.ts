import { judgeFault } from '../call-failure.ts';
import { collectPictures } from '../collect-answer.ts';
import type { GuardedClient } from '../guarded-client.ts';
import { AddressFault } from '../guarded-connect.ts';
import type { HttpProviderOptions } from '../http-provider.ts';
import { createRequestBody } from '../request-body.ts';
import type { Verdict } from '../verdict.ts';
import { type CallStep, isPassing, judgeError } from './judge-answer.ts';
import type { TurbotextMethod } from './plan-call.ts';

/** What asking needs. */
export interface Asker extends Pick<HttpProviderOptions, 'takeSlab'> {
  readonly client: GuardedClient;
  /** Without `/api_ai`. */
  readonly base: URL;
}

/** One request. */
export interface Question {
  readonly step: CallStep;
  readonly method: TurbotextMethod;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly key: string;
  readonly signal: AbortSignal;
  /** The longest wait for the whole answer; beyond it the service counts as unavailable. */
  readonly timeoutMs: number;
  readonly onSent?: (() => void) | undefined;
}

/** A document, or why there is none. `isPassing`: the same question may be answered a little later. */
export type Reply =
  | { readonly kind: 'document'; readonly document: unknown }
  | { readonly kind: 'failed'; readonly verdict: Verdict; readonly isPassing: boolean };

/** Documents are small: no string of them is a picture. */
const NO_PICTURES = { isPicture: () => false, choose: () => undefined };

/**
 * Asks once. No memory and no connection is kept on a failure, nor when it rejects.
 *
 * @throws the reason of the question's signal, at once, when that is aborted.
 */
export async function askTurbotext({ client, base, takeSlab }: Asker, question: Question): Promise<Reply> {
  const { step, key, signal, timeoutMs, onSent } = question;
  const form = new URLSearchParams({ do: step });
  for (const [name, value] of question.fields) form.append(name, value);
  const body = createRequestBody({ segments: [form.toString()], images: 'binary' }, takeSlab, onSent);
  const collector = collectPictures(takeSlab, NO_PICTURES);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    const headers = {
      accept: 'application/json',
      authorization: `Bearer ${key}`,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const url = methodUrl(base, question.method);
    await client.exchange({ url, headers, body }, collector, AbortSignal.any([signal, limit.signal]));
    signal.throwIfAborted();
    const answer = collector.finish();
    if (answer.kind === 'document') return { kind: 'document', document: answer.document };
    return { kind: 'failed', verdict: judgeError(step, answer, Date.now()), isPassing: isPassing(answer.status) };
  } catch (error) {
    collector.release();
    signal.throwIfAborted();
    const verdict = { ...judgeFault(error, body.wasSent()), ...(step === 'get_result' && { charged: 'yes' as const }) };
    const isAddress = error instanceof AddressFault;
    return {
      kind: 'failed',
      verdict: isAddress ? { ...verdict, kind: 'bad_answer', retryable: false } : verdict,
      isPassing: !isAddress,
    };
  } finally {
    clearTimeout(timer);
    await body.close();
  }
}

/** Where a method is. */
export const methodUrl = (base: URL, method: TurbotextMethod): URL =>
  new URL(`${base.pathname.replace(/\/+$/, '')}/api_ai/${method}`, base);
