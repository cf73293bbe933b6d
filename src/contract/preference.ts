/** Longer headers are not looked at: no client has that many preferences. */
const HEADER_LENGTH_MAX = 1_000;

const QUOTED = /"((?:[^"\\]|\\.)*)"/g;

/** `name`, `name=` or either with parameters; an empty value is the same as none (RFC 7240, section 2). */
const WITHOUT_VALUE = /^\s*([^\s;=]+)\s*(?:=\s*)?(?:;.*)?$/;

/**
 * Whether a `Prefer` header names a preference without a value, such as `respond-async` (RFC 7240, section 4.1). What cannot be
 * understood is ignored, as the RFC wants it.
 *
 * @param preference in lower case; names are compared without regard to case.
 */
export function isPreferred(header: string | undefined, preference: string): boolean {
  if (header === undefined || header.length > HEADER_LENGTH_MAX) return false;
  // a comma in a quoted value divides nothing
  const unquoted = header.replaceAll(QUOTED, (_, text: string) => (text === '' ? '' : 'x'));
  if (unquoted.includes('"')) return false;
  return unquoted.split(',').some((text) => WITHOUT_VALUE.exec(text)?.[1]?.toLowerCase() === preference);
}
