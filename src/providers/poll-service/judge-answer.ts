/** What an answer of a poll service means, by its description. */
import type { ErrorAnswer } from '../collect-answer.ts';
import { plainText } from '../reason.ts';
import { cappedDelayMs, retryAfterHeaderMs } from '../retry-after.ts';
import type { Verdict } from '../verdict.ts';
import { readAmount, readPointer, readText } from './read-pointer.ts';
import type { CallStep, FailureRule, HttpRule, PollServiceDescription } from './service-description.ts';

/** How a job goes. */
export type JobState =
  | { readonly is: 'pending'; readonly position?: number; readonly progress?: number }
  | { readonly is: 'done' }
  | { readonly is: 'failed'; readonly verdict: Verdict };

/** Reads a job's document. No status at all is pending too: a service that takes a job may not say how it goes yet. */
export function judgeState({ status, failure }: PollServiceDescription, document: unknown): JobState {
  const word = readText(document, status.at) ?? '';
  const rule = Object.hasOwn(status.words, word) ? status.words[word] : undefined;
  if (rule?.is === 'done') return { is: 'done' };
  if (rule?.is === 'failed') {
    const { is: _, ...failed } = rule;
    return { is: 'failed', verdict: verdictOf(failure, failed, `status ${word}`, document) };
  }
  const position = readAmount(document, status.position);
  const progress = readAmount(document, status.progress);
  return { is: 'pending', ...(position !== undefined && { position }), ...(progress !== undefined && { progress }) };
}

/**
 * Reads an answer with another status than 2xx.
 *
 * @param nowMs wall clock, for a `Retry-After` that is a date.
 */
export function judgeError(
  { failure }: PollServiceDescription,
  step: CallStep,
  { status, headers, text }: ErrorAnswer,
  nowMs: number,
): Verdict {
  const document = parsed(text);
  const lower = text.toLowerCase();
  const rule = failure.http.find((candidate) => matches(candidate, step, status, lower)) ?? ruleOfHttp(step, status);
  const verdict = verdictOf(failure, ruleFacts(rule), `HTTP ${status}`, document);
  const seconds = readAmount(document, failure.retryAfterSeconds);
  const retryAfterMs =
    retryAfterHeaderMs(headers, nowMs) ?? (seconds === undefined ? undefined : cappedDelayMs(seconds * 1000));
  return {
    ...verdict,
    ...(verdict.retryable && retryAfterMs !== undefined && { retryAfterMs }),
    words: verdict.words.length > 1 ? verdict.words : [...verdict.words, plainText(text)],
  };
}

/** Whether asking the same again, for nothing, may bring another answer: the service is busy or ill, not the job. */
export function isPassing({ failure }: PollServiceDescription, step: CallStep, { status, text }: ErrorAnswer): boolean {
  const isIll = status === 408 || status === 425 || status === 429 || status >= 500;
  return isIll && !failure.http.some((rule) => matches(rule, step, status, text.toLowerCase()));
}

/** A job that is done and has no picture. */
export function judgeEmpty({ failure }: PollServiceDescription, document: unknown): Verdict {
  const rule = { kind: 'empty', retryable: true, charged: 'maybe' } as const;
  return verdictOf(failure, rule, 'the finished job holds no picture', document);
}

function matches(rule: HttpRule, step: CallStep, status: number, lower: string): boolean {
  if (status < rule.statusMin || status > rule.statusMax) return false;
  return (rule.steps?.includes(step) ?? true) && lower.includes(rule.includes ?? '');
}

function ruleFacts({ kind, retryable, charged, exhausted }: FailureRule): FailureRule {
  return { kind, retryable, charged, ...(exhausted !== undefined && { exhausted }) };
}

/** What a status means where the service says nothing else. Once a job was taken, nobody knows whether it is billed. */
function ruleOfHttp(step: CallStep, status: number): FailureRule {
  const charged = step === 'submit' ? 'no' : 'maybe';
  if (status === 429) return { kind: 'throttled', retryable: true, charged };
  if (status === 408 || status === 409 || status === 425) return { kind: 'unavailable', retryable: true, charged };
  if (status >= 500) return { kind: 'unavailable', retryable: true, charged: 'maybe' };
  if (status === 401 || status === 403) return { kind: 'invalid_key', retryable: false, charged };
  // The job is not known (any more): only a new one helps.
  if (step !== 'submit' && (status === 404 || status === 410))
    return { kind: 'unavailable', retryable: true, charged: 'maybe' };
  if (status >= 400) return { kind: 'bad_request', retryable: false, charged };
  return { kind: 'bad_answer', retryable: false, charged: 'maybe' };
}

function verdictOf(
  { words, refusals }: PollServiceDescription['failure'],
  rule: FailureRule,
  code: string,
  document: unknown,
): Verdict {
  const said = words.map((pointer) => readPointer(document, pointer)).filter((word) => typeof word === 'string');
  const lower = said.join('\n').toLowerCase();
  const isRefusal = refusals.some((refusal) => lower.includes(refusal));
  const facts: FailureRule = isRefusal ? { kind: 'refused', retryable: false, charged: rule.charged } : rule;
  return { ...facts, words: [code, ...said] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
