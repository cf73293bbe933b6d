import { REASON_LENGTH_MAX } from './provider.ts';

/**
 * Keys of Google's and of OpenAI's APIs look like this; whoever's key it is, it must not be repeated. Nor may what a service leaves
 * of a key that it masks itself, such as `sk-ab********wxyz`.
 */
const KEY_SHAPES = /AIza[0-9A-Za-z_-]{20,}|\bsk-[0-9A-Za-z_*-]{8,}|[\w-]{0,40}\*{4,}[\w-]{0,40}/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * The reason of a failure as it may be stored and shown: the service's words after the reason code, on one line, without any
 * API key, at most {@link REASON_LENGTH_MAX} characters. The key is removed before the cut, so that no part of it survives.
 */
export function reasonText(words: readonly (string | undefined)[], apiKey: string | undefined): string {
  const joined = words.filter((word) => word !== undefined && word !== '').join(': ');
  const scrubbed = apiKey === undefined || apiKey === '' ? joined : joined.replaceAll(apiKey, '***');
  const line = scrubbed.replace(KEY_SHAPES, '***').replace(CONTROL_CHARACTERS, ' ').trim();
  return line.length <= REASON_LENGTH_MAX ? line : `${line.slice(0, REASON_LENGTH_MAX - 1).toWellFormed()}…`;
}

/** What a body that is no JSON says, such as a proxy's page: without tags and line breaks; undefined when that is nothing. */
export function plainText(body: string): string | undefined {
  const text = body
    .replace(/<[^>]{0,1000}>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? undefined : text;
}
