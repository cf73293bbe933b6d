import { REASON_LENGTH_MAX } from '../provider.ts';

/** Keys of Google's API look like this; whoever's key it is, it must not be repeated. */
const GOOGLE_KEY = /AIza[0-9A-Za-z_-]{20,}/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * The reason of a failure as it may be stored and shown: the service's words after the reason code, on one line, without any
 * API key, at most {@link REASON_LENGTH_MAX} characters. The key is removed before the cut, so that no part of it survives.
 */
export function reasonText(words: readonly (string | undefined)[], apiKey: string | undefined): string {
  const joined = words.filter((word) => word !== undefined && word !== '').join(': ');
  const scrubbed = apiKey === undefined || apiKey === '' ? joined : joined.replaceAll(apiKey, '***');
  const line = scrubbed.replace(GOOGLE_KEY, '***').replace(CONTROL_CHARACTERS, ' ').trim();
  return line.length <= REASON_LENGTH_MAX ? line : `${line.slice(0, REASON_LENGTH_MAX - 1).toWellFormed()}…`;
}
