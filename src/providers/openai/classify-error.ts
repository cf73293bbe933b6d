import type { ErrorAnswer } from '../collect-answer.ts';
import { type JsonRecord, listOf, recordOf, textOf } from '../json-reading.ts';
import type { Charged, FailureKind } from '../provider.ts';
import { plainText } from '../reason.ts';
import type { Verdict } from '../verdict.ts';
import { retryHintMs } from './retry-hint.ts';

interface Rule {
  readonly kind: FailureKind;
  readonly retryable: boolean;
  readonly charged: Charged;
  readonly exhausted?: true;
}

/** The service judged the content: the same photo and prompt are refused again. */
const REFUSALS: ReadonlySet<string> = new Set(['moderation_blocked', 'content_policy_violation', 'content_filter']);

/** Nothing is served until somebody pays or raises a limit; it comes with status 429, and from some endpoints with 400 or 403. */
const SPENT: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'project_spend_limit_exceeded',
]);

/**
 * Reads an answer with another status than 200: `{error: {message, type, param, code}}` if there is one, else the status alone.
 * https://developers.openai.com/api/docs/guides/error-codes
 *
 * @param nowMs wall clock, for a `Retry-After` that is a date.
 */
export function classifyError(answer: ErrorAnswer, model: string, nowMs: number): Verdict {
  const error = errorOf(answer.text);
  const code = textOf(error['code']);
  const type = textOf(error['type']);
  const rule = ruleOf(
    answer.status,
    [code, type].filter((word) => word !== undefined),
  );
  const retryAfterMs = rule.retryable ? retryHintMs(answer.headers, nowMs) : undefined;
  const isModelGone = code === 'model_not_found' || (code === undefined && answer.status === 404);
  return {
    ...rule,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    words: [
      [`HTTP ${answer.status}`, code ?? type, ...moderationWords(error)].filter(Boolean).join(' '),
      isModelGone ? `the model "${model}" is unknown, was retired, or is not open to this key` : undefined,
      textOf(error['message']) ?? plainText(answer.text),
    ],
  };
}

function ruleOf(status: number, codes: readonly string[]): Rule {
  if (codes.some((code) => REFUSALS.has(code))) return { kind: 'refused', retryable: false, charged: 'no' };
  if (codes.some((code) => SPENT.has(code)))
    return { kind: 'throttled', retryable: false, exhausted: true, charged: 'no' };
  if (status === 429) return { kind: 'throttled', retryable: true, charged: 'no' };
  if (status === 408 || status === 409) return { kind: 'unavailable', retryable: true, charged: 'no' };
  if (status >= 500) return { kind: 'unavailable', retryable: true, charged: 'maybe' };
  if (status === 401) return { kind: 'invalid_key', retryable: false, charged: 'no' };
  if (status >= 400) return { kind: 'bad_request', retryable: false, charged: 'no' };
  return { kind: 'bad_answer', retryable: false, charged: 'maybe' };
}

/** What moderation objected to, and whether in the request or in the picture that was made. */
function moderationWords(error: JsonRecord): string[] {
  const details = recordOf(error['moderation_details']);
  return [details['moderation_stage'], ...listOf(details['categories'])].flatMap((word) => textOf(word) ?? []);
}

function errorOf(text: string): JsonRecord {
  try {
    return recordOf(recordOf(JSON.parse(text))['error']);
  } catch {
    return {};
  }
}
