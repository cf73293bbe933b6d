import { type JsonRecord, listOf, recordOf, textOf } from '../json-reading.ts';
import type { Charged, FailureKind } from '../provider.ts';
import { plainText } from '../reason.ts';
import { cappedDelayMs, retryAfterHeaderMs } from '../retry-after.ts';
import type { ShortAnswer } from '../short-answer.ts';
import type { Verdict } from '../verdict.ts';

interface Rule {
  readonly kind: FailureKind;
  readonly retryable: boolean;
  readonly charged: Charged;
}

/**
 * What the service says of a file that a request names: expired or deleted, or not processed yet. Another upload mends it.
 * A file that is not there and one of another project are told alike, with 403.
 */
const FILE_FAULT = /\bFile\b.{1,100}(?:\bmay not exist\b|\bnot in an ACTIVE state\b)/;

/**
 * Reads an answer with another status than 200: Google's error document (https://google.aip.dev/193) if there is one, else the
 * status alone.
 *
 * @param nowMs wall clock, for a `Retry-After` that is a date.
 * @param model the one that was called, if it was.
 */
export function classifyError(answer: ShortAnswer, nowMs: number, model?: string): Verdict {
  const error = errorOf(answer.text);
  const details = listOf(error['details']).map(recordOf);
  const isExhausted = answer.status === 429 && quotaIds(details).some((id) => id.includes('PerDay'));
  const message = textOf(error['message']) ?? plainText(answer.text);
  const isFileFault = (answer.status === 400 || answer.status === 403) && FILE_FAULT.test(message ?? '');
  const rule = isFileFault ? FILE_GONE : ruleOf(answer.status, reasonCodes(details));
  const retryAfterMs = retryDelayMs(details) ?? retryAfterHeaderMs(answer.headers, nowMs);
  const hint =
    answer.status === 404 && model !== undefined ? `the model "${model}" is unknown or was retired` : undefined;
  return {
    ...rule,
    retryable: rule.retryable && !isExhausted,
    ...(isExhausted ? { exhausted: true } : {}),
    ...(rule.retryable && retryAfterMs !== undefined ? { retryAfterMs } : {}),
    words: [
      [`HTTP ${answer.status}`, textOf(error['status']), ...reasonCodes(details), ...quotaIds(details)]
        .filter(Boolean)
        .join(' '),
      hint,
      message,
    ],
  };
}

const FILE_GONE: Rule = { kind: 'unavailable', retryable: true, charged: 'no' };

function ruleOf(status: number, codes: readonly string[]): Rule {
  if (status === 429) return { kind: 'throttled', retryable: true, charged: 'no' };
  if (status === 408 || status === 409) return { kind: 'unavailable', retryable: true, charged: 'no' };
  if (status >= 500) return { kind: 'unavailable', retryable: true, charged: 'maybe' };
  if (status === 401 || status === 403 || codes.some((code) => code.startsWith('API_KEY_'))) {
    return { kind: 'invalid_key', retryable: false, charged: 'no' };
  }
  if (status >= 400) return { kind: 'bad_request', retryable: false, charged: 'no' };
  return { kind: 'bad_answer', retryable: false, charged: 'maybe' };
}

function errorOf(text: string): JsonRecord {
  try {
    const parsed: unknown = JSON.parse(text);
    // Some endpoints wrap the error document in a list.
    return recordOf(recordOf(Array.isArray(parsed) ? parsed[0] : parsed)['error']);
  } catch {
    return {};
  }
}

function reasonCodes(details: readonly JsonRecord[]): string[] {
  return details.map((detail) => textOf(detail['reason'])).filter((reason) => reason !== undefined);
}

function quotaIds(details: readonly JsonRecord[]): string[] {
  return details
    .flatMap((detail) => listOf(detail['violations']).map(recordOf))
    .map((violation) => textOf(violation['quotaId']))
    .filter((id) => id !== undefined);
}

/** `RetryInfo.retryDelay`: a protobuf duration in JSON, seconds with a trailing `s`. */
function retryDelayMs(details: readonly JsonRecord[]): number | undefined {
  const delays = details.map((detail) => /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(textOf(detail['retryDelay']) ?? '')?.[1]);
  const seconds = delays.find((delay) => delay !== undefined);
  return seconds === undefined ? undefined : cappedDelayMs(Number(seconds) * 1000);
}
