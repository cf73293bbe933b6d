/** What an answer of the service means. */
import type { ErrorAnswer } from '../collect-answer.ts';
import { recordOf } from '../json-reading.ts';
import type { Charged, ProviderFailure } from '../provider.ts';
import { plainText } from '../reason.ts';
import { retryAfterHeaderMs } from '../retry-after.ts';
import type { Verdict } from '../verdict.ts';
import { judgeWords } from './judge-words.ts';
import { readFlag, readLinks, readQueueId, readWords } from './read-answer.ts';

/** The two kinds of requests. */
export type CallStep = 'create_queue' | 'get_result';

/** How a job goes. `unclear`: the document says neither; another look may tell. */
export type JobState =
  | { readonly is: 'pending' }
  | { readonly is: 'done'; readonly links: readonly string[] }
  | { readonly is: 'failed'; readonly verdict: Verdict }
  | { readonly is: 'unclear'; readonly verdict: Verdict };

/** Reads the answer to a job that was submitted: its number, or why there is none. Every job is billed, so nothing is `no` here. */
export function judgeCreated(document: unknown): { readonly queueId: string } | { readonly verdict: Verdict } {
  const queueId = readQueueId(document);
  if (readFlag(recordOf(document)['success']) !== false && queueId !== undefined) return { queueId };
  const rule = judgeWords(readWords(document)) ?? {
    kind: readFlag(recordOf(document)['success']) === false ? 'unavailable' : 'bad_answer',
    retryable: true,
  };
  return { verdict: { ...rule, charged: 'maybe', words: ['the answer names no job', ...readWords(document)] } };
}

/** Reads the answer to a question about a job. */
export function judgeResult(document: unknown): JobState {
  const { success, action } = recordOf(document);
  const isSuccess = readFlag(success);
  if (typeof action === 'string' && action.trim().toLowerCase() === 'reconnect') return { is: 'pending' };
  const words = readWords(document);
  const rule = judgeWords(words);
  if (isSuccess === false || rule?.kind === 'refused') {
    const failed = rule ?? { kind: 'unavailable', retryable: true };
    return { is: 'failed', verdict: { ...failed, charged: 'yes', words: ['the job failed', ...words] } };
  }
  const links = isSuccess === true ? readLinks(document) : [];
  if (links.length > 0) return { is: 'done', links };
  const why = isSuccess === true ? 'the finished job names no picture' : 'the answer does not say how the job goes';
  const kind = isSuccess === true ? 'empty' : 'bad_answer';
  return { is: 'unclear', verdict: { kind, retryable: true, charged: 'yes', words: [why, ...words] } };
}

/**
 * Reads an answer with another status than 200.
 *
 * @param nowMs wall clock, for a `Retry-After` that is a date.
 */
export function judgeError(step: CallStep, { status, headers, text }: ErrorAnswer, nowMs: number): Verdict {
  const words = readWords(parsed(text));
  const byWords = status >= 500 ? undefined : judgeWords(words);
  const rule = byWords ?? ruleOfStatus(status);
  const retryAfterMs = rule.retryable ? retryAfterHeaderMs(headers, nowMs) : undefined;
  return {
    ...rule,
    charged: chargedBy(step, status),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    words: [`HTTP ${status}`, ...(words.length > 0 ? words : [plainText(text)])],
  };
}

/** Whether the same question may be answered a little later: the service is busy or ill, not the job. */
export const isPassing = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500;

/** A request that was turned away at the door made no job; a fault behind it may have come too late for that. */
function chargedBy(step: CallStep, status: number): Charged {
  if (step === 'get_result') return 'yes';
  return status >= 400 && status < 500 && status !== 408 ? 'no' : 'maybe';
}

function ruleOfStatus(status: number): Pick<ProviderFailure, 'kind' | 'retryable' | 'exhausted'> {
  if (status === 401 || status === 403) return { kind: 'invalid_key', retryable: false };
  if (status === 402) return { kind: 'throttled', retryable: false, exhausted: true };
  if (status === 429) return { kind: 'throttled', retryable: true };
  if (status === 409 || isPassing(status)) return { kind: 'unavailable', retryable: true };
  return { kind: status >= 400 ? 'bad_request' : 'bad_answer', retryable: false };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
