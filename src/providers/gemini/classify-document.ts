import { listOf, recordOf, textOf } from '../json-reading.ts';
import type { Charged } from '../provider.ts';
import type { Verdict } from '../verdict.ts';

/**
 * Reasons to stop that another try with the same photo and prompt does not change: the service judged the content.
 * https://ai.google.dev/api/generate-content#FinishReason
 */
const REFUSALS: ReadonlySet<string> = new Set([
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
]);

/** Output that was thrown away is billed in tokens, and the answer does not say reliably how many. */
const CHARGED: Charged = 'maybe';

/**
 * Says why a document with status 200 holds no picture. A blocked prompt or a refusal is final; everything else (NO_IMAGE,
 * IMAGE_OTHER, OTHER, MAX_TOKENS, text only, no candidate, a reason this code does not know) is an empty answer, which a second
 * try often mends.
 */
export function classifyDocument(document: unknown): Verdict {
  const feedback = recordOf(recordOf(document)['promptFeedback']);
  const blockReason = textOf(feedback['blockReason']);
  if (blockReason !== undefined) {
    const words = [`blockReason ${blockReason}`, textOf(feedback['blockReasonMessage'])];
    return { kind: 'refused', retryable: false, charged: CHARGED, words };
  }
  const candidates = listOf(recordOf(document)['candidates']).map(recordOf);
  const reasons = candidates.map((candidate) => textOf(candidate['finishReason']) ?? 'FINISH_REASON_UNSPECIFIED');
  const refusal = reasons.findIndex((reason) => REFUSALS.has(reason));
  const at = Math.max(refusal, 0);
  const candidate = recordOf(candidates[at]);
  const finish = reasons[at] === undefined ? 'the answer has no candidate' : `finishReason ${reasons[at]}`;
  const words = [finish, textOf(candidate['finishMessage']) ?? spokenText(candidate)];
  return refusal === -1
    ? { kind: 'empty', retryable: true, charged: CHARGED, words }
    : { kind: 'refused', retryable: false, charged: CHARGED, words };
}

function spokenText(candidate: Readonly<Record<string, unknown>>): string | undefined {
  return listOf(recordOf(candidate['content'])['parts'])
    .map(recordOf)
    .filter((part) => part['thought'] !== true)
    .map((part) => textOf(part['text']))
    .find((text) => text !== undefined);
}
