import { randomFillSync } from 'node:crypto';

const JOB_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const bytes = new Uint8Array(16);

/**
 * A version 7 UUID (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits. Made before the row exists, so
 * that the waiter is registered first; ordered by time, so that the index grows at its end.
 */
export function newJobId(nowMs: number): string {
  randomFillSync(bytes);
  const hex = Buffer.from(bytes).toString('hex');
  const time = Math.floor(nowMs).toString(16).padStart(12, '0');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** The id as rows hold it, in lower case; undefined for a text that is no id. */
export const readJobId = (text: string): string | undefined => (JOB_ID.test(text) ? text.toLowerCase() : undefined);
