/** Entity tags (RFC 9110, section 8.8.3) of things that administrators edit, and the condition they are edited under. */

/**
 * A strong tag, made from nothing but the moment of the last change, which is strictly increasing: lists embedded in an answer do
 * not move it, and a client that knows `updated_at` knows the tag.
 */
export const tagOf = (updatedAt: Date): string => `"${updatedAt.toISOString()}"`;

const LISTED_TAG = /(W\/)?"([^"]*)"/g;

/**
 * Whether an `If-Match` is true of a thing that exists (RFC 9110, section 13.1.1). Tags are compared strongly, so a weak one
 * never matches; nor does what is no tag at all.
 */
export const isMatch = (ifMatch: string, tag: string): boolean =>
  ifMatch.trim() === '*' ||
  [...ifMatch.matchAll(LISTED_TAG)].some(([listed, weak]) => weak === undefined && listed === tag);
