/**
 * Parsing JSON from outside: only what every reader of JSON takes for the same value, and what PostgreSQL can keep. RFC 8259 leaves
 * to the reader what duplicate names, lone surrogates and endless nesting mean; here they are faults of the client.
 */
import { isUtf8 } from 'node:buffer';
import { toPointer } from '../contract/field-faults.ts';
import type { FieldFault } from '../domain/errors.ts';

/** How deep arrays and objects may stand in each other. */
export const DEPTH_MAX = 64;

type Path = (string | number)[];

/** A body that is not JSON as this server takes it. */
export class JsonFaultError extends Error {
  /** Where and why; the pointer begins with `/body`. */
  readonly fault: FieldFault;

  constructor(fault: FieldFault, options?: ErrorOptions) {
    super(`${fault.pointer} ${fault.message}`, options);
    this.name = 'JsonFaultError';
    this.fault = fault;
  }
}

/**
 * Parses a body.
 *
 * A number that a double cannot hold exactly is rounded as RFC 8259, section 6, expects; one that is too large for any is refused.
 *
 * @throws JsonFaultError for bytes that are not UTF-8, a byte order mark, anything that is not one JSON value, more than
 * {@link DEPTH_MAX} levels; for U+0000 and lone surrogates in texts, the name `__proto__`, a name that is spelled with a backslash, and a
 * name that an object has twice.
 */
export function parseStrictJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw fault([], 'must be UTF-8', 'encoding');
  const text = bytes.toString('utf8');
  const { memberCount, hasEscapedName } = survey(text);
  const value = parse(text);
  if (hasEscapedName) throw fault(findName(text, isEscaped), 'is a name with a backslash', 'propertyNames');
  // U+0000 and surrogates cannot stand in valid UTF-8 and JSON but as \u escapes
  const nameCount = inspect(value, [], text.includes('\\u'));
  if (nameCount !== memberCount) throw fault(findName(text, isRepeated), 'is there twice', 'uniqueNames');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault([], 'is not JSON', 'json', error);
  }
}

const fault = (path: Readonly<Path>, message: string, keyword: string, cause?: unknown): JsonFaultError =>
  new JsonFaultError({ pointer: toPointer('body', ...path.map(String)), message, keyword }, { cause });

const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

interface Survey {
  /** How many members the objects were written with: each has one colon outside strings. */
  readonly memberCount: number;
  readonly hasEscapedName: boolean;
}

/**
 * What the parsed value does not show any more, for text that is JSON.
 *
 * Names with escapes are looked for because V8 misreads them: `{"a":1,"\u0062":2}` after `{"a":1,"\\":2}` has the second name of the
 * object before (nodejs/node issue 63785; Node 24 to 26). No name of the contract needs one.
 *
 * Jumping over strings makes this cost as much as `JSON.parse` itself for 1 kB; looking at each byte cost three times as much.
 *
 * @throws JsonFaultError when the nesting is too deep; nothing was parsed then.
 */
function survey(text: string): Survey {
  let memberCount = 0;
  let hasEscapedName = false;
  let depth = 0;
  let isLastStringEscaped = false;
  let backslash = indexOrEnd(text, '\\', 0);
  for (let at = 0; at < text.length; ) {
    const quote = indexOrEnd(text, '"', at);
    for (; at < quote; at += 1) {
      const code = text.charCodeAt(at);
      if (code === COLON) {
        memberCount += 1;
        hasEscapedName ||= isLastStringEscaped;
      } else if (code === OPENING_BRACE || code === OPENING_BRACKET) {
        depth += 1;
        if (depth > DEPTH_MAX) throw fault([], `must not be nested deeper than ${DEPTH_MAX} levels`, 'maxDepth');
      } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) depth -= 1;
    }
    const end = endOfString(text, quote);
    if (backslash < quote) backslash = indexOrEnd(text, '\\', quote);
    isLastStringEscaped = backslash < end;
    at = end + 1;
  }
  return { memberCount, hasEscapedName };
}

function indexOrEnd(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
}

/** The closing quote of the string that begins at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = indexOrEnd(text, '"', start + 1); ; at = indexOrEnd(text, '"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0 || at === text.length) return at;
  }
}

/** @returns how many names the value's objects have. @throws JsonFaultError for what may not be in it. */
function inspect(value: unknown, path: Path, hasUnicodeEscape: boolean): number {
  if (typeof value === 'string') {
    if (hasUnicodeEscape && (value.includes('\0') || !value.isWellFormed()))
      throw fault(path, 'must not contain U+0000 or half of a surrogate pair', 'text');
    return 0;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw fault(path, 'is too large a number', 'number');
    return 0;
  }
  if (typeof value !== 'object' || value === null) return 0;
  return Array.isArray(value)
    ? inspectItems(value, path, hasUnicodeEscape)
    : inspectMembers(value as Readonly<Record<string, unknown>>, path, hasUnicodeEscape);
}

function inspectItems(items: readonly unknown[], path: Path, hasUnicodeEscape: boolean): number {
  let nameCount = 0;
  for (let index = 0; index < items.length; index += 1) {
    path.push(index);
    nameCount += inspect(items[index], path, hasUnicodeEscape);
    path.pop();
  }
  return nameCount;
}

function inspectMembers(members: Readonly<Record<string, unknown>>, path: Path, hasUnicodeEscape: boolean): number {
  const names = Object.keys(members);
  let nameCount = names.length;
  for (const name of names) {
    path.push(name);
    if (name === '__proto__') throw fault(path, 'is not a name that can be used', 'propertyNames');
    nameCount += inspect(members[name], path, hasUnicodeEscape);
    path.pop();
  }
  return nameCount;
}

interface Level {
  /** The member or item that is being read. */
  at: string | number;
  /** Undefined in an array. */
  readonly names: Set<string> | undefined;
  isNameNext: boolean;
}

const isEscaped = (name: string): boolean => name.includes('\\');
const isRepeated = (name: string, names: ReadonlySet<string>): boolean => names.has(name);

/** Where in JSON text the first faulty name stands; names are judged as they are spelled, beside those their object had before. */
function findName(text: string, isFaulty: (name: string, names: ReadonlySet<string>) => boolean): Path {
  const levels: Level[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const level = levels.at(-1);
    const character = text[at];
    if (character === '{') levels.push({ at: '', names: new Set(), isNameNext: true });
    else if (character === '[') levels.push({ at: 0, names: undefined, isNameNext: false });
    else if (character === '}' || character === ']') levels.pop();
    else if (character === ',' && typeof level?.at === 'number') level.at += 1;
    else if (character === ',' && level !== undefined) level.isNameNext = true;
    else if (character === '"') {
      const end = endOfString(text, at);
      if (level?.names !== undefined && level.isNameNext) {
        level.at = text.slice(at + 1, end);
        if (isFaulty(level.at, level.names)) return levels.map((open) => open.at);
        level.names.add(level.at);
        level.isNameNext = false;
      }
      at = end;
    }
  }
  return [];
}
