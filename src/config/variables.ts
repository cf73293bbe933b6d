/** The kinds of environment variables: how each is read, what it may be, and how it is described. */
import { isIP } from 'node:net';

/** A value, or what is wrong with the text. */
export type Parsed<Value> = { readonly value: Value } | { readonly fault: string };

/** One environment variable: how it is read, and what people are told about it. */
export interface Variable<Value> {
  readonly initial: Value;
  parse(raw: string): Parsed<Value>;
  /** The default, as shown to people. */
  readonly shown: string;
  /** What it may be, as shown to people. */
  readonly bounds: string;
  readonly about: string;
}

const code = (value: unknown): string => `\`${String(value)}\``;

/** Any text. */
export const text = (initial: string, about: string): Variable<string> => ({
  initial,
  parse: (raw) => (raw.includes('\0') ? { fault: 'must not contain a NUL character' } : { value: raw }),
  shown: code(initial),
  bounds: 'text',
  about,
});

/** A text that is never shown again: faults do not repeat it. */
export const secret = (about: string, { lengthMin = 1 }: { lengthMin?: number } = {}): Variable<string> => ({
  initial: '',
  parse: (raw) => (raw.length < lengthMin ? { fault: `must have at least ${lengthMin} characters` } : { value: raw }),
  shown: '–',
  bounds: lengthMin > 1 ? `secret, ≥ ${lengthMin} characters` : 'secret',
  about,
});

/** A secret of exactly this many bytes, as base64 or base64url. */
export const secretBytes = (about: string, bytes: number): Variable<string> => ({
  initial: '',
  parse: (raw) =>
    /^[A-Za-z0-9+/_-]+={0,2}$/.test(raw) && Buffer.from(raw, 'base64').length === bytes
      ? { value: raw }
      : { fault: `must be ${bytes} bytes in base64` },
  shown: '–',
  bounds: `secret, ${bytes} bytes in base64`,
  about,
});

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function numeric(initial: number, { min, max }: Bounds, about: string, isWhole: boolean): Variable<number> {
  const kind = isWhole ? 'a whole number' : 'a number';
  return {
    initial,
    parse: (raw) => {
      const value = Number(raw);
      const isGood =
        /^\s*\d+(?:\.\d+)?\s*$/.test(raw) && value >= min && value <= max && (!isWhole || Number.isInteger(value));
      return isGood ? { value } : { fault: `must be ${kind} from ${min} to ${max}, not "${raw.slice(0, 40)}"` };
    },
    shown: code(initial),
    bounds: `${min}–${max}`,
    about,
  };
}

/** A whole number within bounds, both included. */
export const integer = (initial: number, bounds: Bounds, about: string): Variable<number> =>
  numeric(initial, bounds, about, true);

/** A number within bounds, both included. */
export const number = (initial: number, bounds: Bounds, about: string): Variable<number> =>
  numeric(initial, bounds, about, false);

/** One of a few words. */
export const choice = <Word extends string>(initial: Word, words: readonly Word[], about: string): Variable<Word> => ({
  initial,
  parse: (raw) => {
    const value = words.find((word) => word === raw);
    return value === undefined ? { fault: `must be one of ${words.join(', ')}, not "${raw.slice(0, 40)}"` } : { value };
  },
  shown: code(initial),
  bounds: words.map(code).join(' '),
  about,
});

/** On or off; off by default. */
export const flag = (about: string): Variable<boolean> => ({
  initial: false,
  parse: (raw) =>
    raw === '1' || raw === '0' ? { value: raw === '1' } : { fault: `must be 1 or 0, not "${raw.slice(0, 40)}"` },
  shown: code(0),
  bounds: `${code(1)} ${code(0)}`,
  about,
});

/** An absolute http(s) address without credentials; a trailing slash is dropped. */
export const url = (about: string, initial = ''): Variable<string> => ({
  initial,
  parse: (raw) => {
    const parsed = URL.canParse(raw) ? new URL(raw) : undefined;
    const isGood =
      (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') &&
      parsed.username === '' &&
      parsed.password === '';
    return isGood
      ? { value: raw.replace(/\/+$/, '') }
      : { fault: 'must be an http:// or https:// address without user and password' };
  },
  shown: initial === '' ? '–' : code(initial),
  bounds: 'http(s) address',
  about,
});

const NETWORK = /^(?<address>[^/]+)(?:\/(?<prefix>\d{1,3}))?$/;

function isNetwork(word: string): boolean {
  const { address = '', prefix = '0' } = NETWORK.exec(word)?.groups ?? {};
  const version = isIP(address);
  return version !== 0 && Number(prefix) <= (version === 6 ? 128 : 32);
}

/** Addresses and networks (CIDR), separated by commas. */
export const networks = (about: string): Variable<readonly string[]> => ({
  initial: [],
  parse: (raw) => {
    const words = raw.split(',').map((word) => word.trim());
    const value = words.filter((word) => word !== '');
    const wrong = value.find((word) => !isNetwork(word));
    return wrong === undefined
      ? { value }
      : { fault: `must list addresses or networks (CIDR), not "${wrong.slice(0, 60)}"` };
  },
  shown: '–',
  bounds: 'list',
  about,
});

/** Origins (scheme, host, port), separated by commas, as the browser writes them: without the usual port. */
export const origins = (about: string): Variable<readonly string[]> => ({
  initial: [],
  parse: (raw) => {
    const words = raw.split(',').map((word) => word.trim());
    const value = words.filter((word) => word !== '').map((word) => ({ word, parsed: URL.parse(word) }));
    const wrong = value.find(({ word, parsed }) => parsed === null || parsed.origin !== word.replace(/\/$/, ''));
    return wrong === undefined
      ? { value: value.map(({ parsed }) => parsed?.origin ?? '') }
      : { fault: `must list origins such as http://10.0.0.5:8090, not "${wrong.word.slice(0, 60)}"` };
  },
  shown: '–',
  bounds: 'list',
  about,
});

/** The same variable, absent by default. */
export const optional = <Value>(variable: Variable<Value>): Variable<Value | undefined> => ({
  ...variable,
  initial: undefined,
  shown: '–',
});
