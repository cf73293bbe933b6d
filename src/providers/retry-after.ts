import type { AnswerHeaders } from './exchange.ts';

const RETRY_AFTER_MS_MAX = 86_400_000;

/**
 * The header `Retry-After`, whole seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from `nowMs` (wall clock).
 *
 * @returns undefined where there is none, or none that can be read.
 */
export function retryAfterHeaderMs(headers: AnswerHeaders, nowMs: number): number | undefined {
  const value = headerText(headers, 'retry-after');
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return cappedDelayMs(Number(value) * 1000);
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : cappedDelayMs(atMs - nowMs);
}

/** The first value of a header, by its lower-case name; undefined where it is missing or blank. */
export function headerText(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  return text === '' ? undefined : text;
}

/** A wait that a service asks for, in whole milliseconds: never negative, at most a day. */
export function cappedDelayMs(delayMs: number): number {
  return Math.ceil(Math.min(Math.max(delayMs, 0), RETRY_AFTER_MS_MAX));
}
