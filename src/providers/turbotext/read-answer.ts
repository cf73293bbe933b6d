/** Careful reads of the service's documents, which hold the same thing in several places and shapes. */
import { type JsonRecord, recordOf, textOf } from '../json-reading.ts';

/** Where a document says why something failed. Other texts, such as a prompt that is repeated, say nothing. */
const WORD_KEYS = [
  'error',
  'errors',
  'error_code',
  'error_text',
  'code',
  'status',
  'message',
  'msg',
  'reason',
  'detail',
];
const WORDS_MAX = 8;

/** The places where facts stand: the document itself, and its `data`. */
const placesOf = (document: unknown): readonly JsonRecord[] => [
  recordOf(document),
  recordOf(recordOf(document)['data']),
];

/** A flag as the service writes it: a boolean, a number or a text. @returns undefined where it is none of them. */
export function readFlag(value: unknown): boolean | undefined {
  const word = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (word === true || word === 1 || word === 'true' || word === '1') return true;
  if (word === false || word === 0 || word === 'false' || word === '0') return false;
  return undefined;
}

/** The number of a job, as text. */
export function readQueueId(document: unknown): string | undefined {
  for (const place of placesOf(document)) {
    const id = place['queueid'];
    if (typeof id === 'number' && Number.isSafeInteger(id) && id > 0) return String(id);
    if (typeof id === 'string' && /^\d{1,20}$/.test(id.trim())) return id.trim();
  }
  return undefined;
}

/** Links to the finished picture, absolute or not, the likeliest first, each once. */
export function readLinks(document: unknown): readonly string[] {
  const places = placesOf(document);
  const named = places.flatMap((place) => textsOf(place['uploaded_image']));
  const listed = places.flatMap((place) => textsOf(place['image']));
  return [...new Set([...named, ...listed])];
}

/** What the document says of a failure, in its own words. */
export function readWords(document: unknown): readonly string[] {
  const words = placesOf(document).flatMap((place) => WORD_KEYS.flatMap((key) => wordsIn(place[key])));
  const forbidden = placesOf(document).some((place) => readFlag(place['forbidden_content']) === true);
  return [...(forbidden ? ['forbidden_content'] : []), ...new Set(words)].slice(0, WORDS_MAX);
}

function wordsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string' || typeof value === 'number') return textsOf(String(value));
  if (typeof value !== 'object' || value === null || depth === 2) return [];
  return Object.values(value).flatMap((inner) => wordsIn(inner, depth + 1));
}

/** A text, or a list of them. */
function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value])
    .map((item) => textOf(item)?.trim())
    .filter((text) => text !== undefined && text !== '') as string[];
}
