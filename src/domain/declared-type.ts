/** Types as senders declare them: hearsay that is checked against the bytes, never believed. */

/**
 * What claims nothing: no header, the type for any bytes (RFC 2046, 4.5.1), and the type that a part without a header
 * is said to have (RFC 7578, 4.4).
 */
const CLAIMS_NOTHING = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'text/plain']);

/** Names in use beside the registered ones, and the HEIC family, whose brands senders do not tell apart. */
const SAME_AS: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/heif': 'image/heic',
};

const canonical = (mimeType: string): string => SAME_AS[mimeType] ?? mimeType;

/**
 * Whether a declared `Content-Type` fits what the bytes are. Parameters and letter case do not matter.
 *
 * @param declared as the client sent it: any text.
 */
export function declaredTypeFits(declared: string, found: string): boolean {
  const claimed = (declared.split(';', 1)[0] ?? '').trim().toLowerCase();
  return CLAIMS_NOTHING.has(claimed) || canonical(claimed) === canonical(found);
}
