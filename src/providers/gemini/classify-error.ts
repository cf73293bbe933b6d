import type { Charged, FailureKind } from '../provider.ts';
import type { Verdict } from './classify-document.ts';
import type { AnswerHeaders } from './collect-answer.ts';
import { type JsonRecord, listOf, recordOf, textOf } from './json-reading.ts';

const RETRY_AFTER_MS_MAX = 86_400_000;

interface Rule {
  readonly kind: FailureKind;
  readonly retryable: boolean;
  readonly charged: Charged;
}

/**
 * Reads an answer with another status than 200: Google's error document (https://google.aip.dev/193) if there is one, else the
 * status alone.
 *
 * @param nowMs wall clock, for a `Retry-After` that is a date.
 */
export function classifyError(
  answer: { readonly status: number; readonly headers: AnswerHeaders; readonly text: string },
  model: string,
  nowMs: number,
): Verdict {
  const error = errorOf(answer.text);
  const details = listOf(error['details']).map(recordOf);
  const isExhausted = answer.status === 429 && quotaIds(details).some((id) => id.includes('PerDay'));
  const rule = ruleOf(answer.status, reasonCodes(details));
  const retryAfterMs = retryDelayMs(details) ?? retryAfterHeaderMs(answer.headers['retry-after'], nowMs);
  const hint = answer.status === 404 ? `the model "${model}" is unknown or was retired` : undefined;
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
      textOf(error['message']) ?? plainText(answer.text),
    ],
  };
}

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
  return seconds === undefined ? undefined : capped(Number(seconds) * 1000);
}

/** `Retry-After`: whole seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterHeaderMs(header: string | string[] | undefined, nowMs: number): number | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d{1,9}$/.test(value)) return capped(Number(value) * 1000);
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : capped(atMs - nowMs);
}

function capped(delayMs: number): number {
  return Math.ceil(Math.min(Math.max(delayMs, 0), RETRY_AFTER_MS_MAX));
}

function plainText(text: string): string | undefined {
  return textOf(
    text
      .replace(/<[^>]{0,1000}>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  );
}
