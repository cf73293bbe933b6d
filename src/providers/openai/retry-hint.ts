import type { AnswerHeaders } from '../exchange.ts';
import { cappedDelayMs, headerText, retryAfterHeaderMs } from '../retry-after.ts';

/** What is counted a minute; each has headers of its own. */
const LIMITS = ['requests', 'tokens', 'images', 'input-images'] as const;
/** Go's way to write a duration, largest unit first: `1h2m3s`, `6m0s`, `1.5s`, `120ms`. */
const DURATION = /^(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;

/**
 * How long the service asks to wait, in milliseconds: `retry-after-ms`, else `Retry-After`, else the longest `x-ratelimit-reset-…`
 * of the limits that are used up (https://developers.openai.com/api/docs/guides/rate-limits).
 *
 * @param nowMs wall clock, for a `Retry-After` that is a date.
 * @returns undefined when it says nothing that can be read.
 */
export function retryHintMs(headers: AnswerHeaders, nowMs: number): number | undefined {
  const exact = headerText(headers, 'retry-after-ms');
  if (exact !== undefined && /^\d{1,9}(?:\.\d{1,9})?$/.test(exact)) return cappedDelayMs(Number(exact));
  return retryAfterHeaderMs(headers, nowMs) ?? resetMs(headers);
}

/** A limit with something left resets sometime, too: waiting for it would be in vain. */
function resetMs(headers: AnswerHeaders): number | undefined {
  const resets = LIMITS.filter((limit) => headerText(headers, `x-ratelimit-remaining-${limit}`) === '0')
    .map((limit) => durationMs(headerText(headers, `x-ratelimit-reset-${limit}`) ?? ''))
    .filter((reset) => reset !== undefined);
  return resets.length === 0 ? undefined : cappedDelayMs(Math.max(...resets));
}

function durationMs(text: string): number | undefined {
  const match = text === '' ? null : DURATION.exec(text);
  if (match === null) return undefined;
  const [hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
}
