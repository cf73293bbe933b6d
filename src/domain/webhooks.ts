/** Webhooks: what is told to other systems when a photo is finished, and when a telling is tried again. */

/** What can be subscribed to. */
export const WEBHOOK_EVENTS = ['job.succeeded', 'job.failed'] as const;

/** An event that can be subscribed to. */
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What a delivery tells; a test tells that nothing happened. */
export type DeliveryType = WebhookEvent | 'webhook.test';

/** Where a delivery is: waiting for its (next) try, arrived, or given up. */
export type DeliveryState = 'pending' | 'delivered' | 'dead';

/** How many webhooks an installation may have: each finished photo makes a row for every one that wants it. */
export const WEBHOOKS_MAX = 20;

/** How long a secret that was replaced goes on signing beside the new one, in hours. */
export const SECRET_OVERLAP_HOURS = { min: 0, max: 168, default: 24 } as const;

/** How long deliveries are kept, in days: those that arrived, and those that did not. */
export const DELIVERY_DAYS = { delivered: 7, undelivered: 30 } as const;

const FIRST_WAIT_MS = 5_000;
const WAIT_MS_MAX = 6 * 3_600_000;
/** A delivery that failed for so long is dead. */
const TRIED_FOR_MS = 24 * 3_600_000;
const GROWTH = 3;
const JITTER = 0.2;

/** What the next try depends on. */
export interface FailedTry {
  /** Since the first try was due, by the database's clock. */
  readonly elapsedMs: number;
  /** What the receiver asked for by `Retry-After`. */
  readonly hintMs: number | undefined;
  /** 0 to 1, without 1. */
  readonly random: number;
}

/**
 * How long to wait after a failed try: three times as long as it has been failing, from 5 seconds up to 6 hours, a fifth more or less
 * so that many do not march in step, and never sooner than the receiver asks. The last try comes 24 hours after the first. Tries that
 * fail at once thus come after about 5 s, 20 s, 80 s, 5 min, 21 min, 1.4 h, 6 h, 12 h, 18 h and 24 h.
 *
 * @returns milliseconds; undefined when it was the last try.
 */
export function nextTryMs({ elapsedMs, hintMs = 0, random }: FailedTry): number | undefined {
  const leftMs = TRIED_FOR_MS - elapsedMs;
  if (leftMs <= 0) return undefined;
  const waitMs = Math.min(WAIT_MS_MAX, Math.max(FIRST_WAIT_MS, GROWTH * elapsedMs));
  const jitteredMs = waitMs * (1 + JITTER * (2 * random - 1));
  return Math.ceil(Math.min(leftMs, Math.max(jitteredMs, hintMs)));
}

const SHOWN_LENGTH_MAX = 200;

/**
 * The beginning of what a receiver answered, fit to be shown: one line, at most 200 characters, without control characters, without
 * invisible and direction-changing ones, without halves of characters.
 */
export function cleanAnswer(text: string): string {
  const line = text
    .toWellFormed()
    .replaceAll(/[\p{C}\p{Z}\ufffd]+/gu, ' ')
    .trim();
  return [...line].slice(0, SHOWN_LENGTH_MAX).join('').trimEnd();
}
