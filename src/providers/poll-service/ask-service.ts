import type { Base64Decoder, TakeSlab } from '../base64-decoder.ts';
import { judgeFault } from '../call-failure.ts';
import { type AnswerCollector, collectPictures, type ErrorAnswer } from '../collect-answer.ts';
import type { AnswerSink } from '../exchange.ts';
import type { GuardedClient, GuardedRequest } from '../guarded-client.ts';
import { AddressFault } from '../guarded-connect.ts';
import type { RequestBody } from '../request-body.ts';
import type { Verdict } from '../verdict.ts';
import { isPassing, judgeError } from './judge-answer.ts';
import { lastKeys, readPointer } from './read-pointer.ts';
import type { CallStep, PollServiceDescription } from './service-description.ts';

/** What asking needs. */
export interface Asker {
  readonly service: PollServiceDescription;
  readonly client: GuardedClient;
  readonly takeSlab: TakeSlab;
}

/** One request to a service, at a URL that was judged. */
export interface Question extends Omit<GuardedRequest, 'body'> {
  readonly step: CallStep;
  readonly body?: RequestBody;
  readonly signal: AbortSignal;
  /** The longest wait for the whole answer; beyond it the service counts as unavailable. */
  readonly timeoutMs?: number;
}

/** A document (and its picture, where that is inside), or why there is none. */
export type Reply =
  | { readonly kind: 'document'; readonly document: unknown; readonly picture: Base64Decoder | undefined }
  /** `isPassing`: the same question may be answered a little later. */
  | { readonly kind: 'failed'; readonly verdict: Verdict; readonly isPassing: boolean };

/**
 * Asks once. On a failure, and when it rejects, no memory and no connection is kept; the body stays the caller's to close.
 *
 * @throws the reason of the question's signal, at once, when that is aborted.
 */
export async function askService({ service, client, takeSlab }: Asker, question: Question): Promise<Reply> {
  const { step, body, signal, timeoutMs, ...request } = question;
  const collector = collectAnswer(service, takeSlab);
  const limit = new AbortController();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => limit.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    await client.exchange({ ...request, body }, sinkOf(collector), AbortSignal.any([signal, limit.signal]));
    signal.throwIfAborted();
    const answer = collector.finish();
    return answer.kind === 'document' ? answer : failedReply(service, step, answer);
  } catch (error) {
    collector.release();
    signal.throwIfAborted();
    const verdict = judgeFault(error, body?.wasSent() ?? true);
    if (error instanceof AddressFault)
      return { kind: 'failed', verdict: { ...verdict, kind: 'bad_answer', retryable: false }, isPassing: false };
    return { kind: 'failed', verdict, isPassing: verdict.kind !== 'bad_request' };
  } finally {
    clearTimeout(timer);
  }
}

function failedReply(service: PollServiceDescription, step: CallStep, answer: ErrorAnswer): Reply {
  return {
    kind: 'failed',
    verdict: judgeError(service, step, answer, Date.now()),
    isPassing: isPassing(service, step, answer),
  };
}

/** The headers that every request to the API carries. */
export const keyHeaders = ({ key }: PollServiceDescription, apiKey: string): Readonly<Record<string, string>> => ({
  accept: 'application/json',
  [key.header]: `${key.prefix ?? ''}${apiKey}`,
});

/** These services answer with 200, 201 and 202 alike. */
function sinkOf(collector: AnswerCollector): AnswerSink {
  return {
    head: (status, headers) => collector.head(status >= 200 && status < 300 ? 200 : status, headers),
    push: collector.push,
  };
}

function collectAnswer({ image }: PollServiceDescription, takeSlab: TakeSlab): AnswerCollector {
  const places = image.as === 'base64' ? image.at.map(lastKeys) : [];
  return collectPictures(takeSlab, {
    isPicture: (objectKey, key) => places.some((place) => place.objectKey === objectKey && place.key === key),
    choose: (document, images) =>
      image.as === 'url'
        ? undefined
        : image.at
            .map((pointer) => images[Number(readPointer(document, pointer) ?? Number.NaN)])
            .find((picture) => picture !== undefined && picture.bytes.length > 0),
  });
}
