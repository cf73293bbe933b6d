import { AnswerFault } from './answer-fault.ts';
import { GrowingBytes } from './growing-bytes.ts';

/** Takes the characters of one diverted string, with its JSON escapes resolved. */
export interface StringSink {
  push(chunk: Buffer, from: number, to: number): void;
  /** The string is complete. @returns letters or digits that stand for it in the rest of the document. */
  end(): string;
}

/** What is led elsewhere, and how much of the rest is kept. */
export interface JsonScannerOptions {
  /** Decides by a string's key and the key of the object that holds it; called once for every string value inside an object. */
  divert(objectKey: string, key: string): StringSink | undefined;
  /** The most bytes the document without its diverted strings may have. */
  skeletonBytesMax: number;
  /** A string that is kept is cut after this many bytes. */
  stringBytesMax: number;
}

interface Frame {
  readonly isObject: boolean;
  /** The key this container stands under, empty inside arrays and at the root. */
  readonly ownKey: string;
  /** The key read last. */
  key: string;
  awaitsKey: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DEPTH_MAX = 64;
const KEY_BYTES_MAX = 64;
const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  '"': 34,
  '/': 47,
  '\\': 92,
};

/**
 * Reads one JSON object that arrives in chunks cut anywhere, and leads chosen long strings elsewhere while they arrive, so that
 * a picture of megabytes never becomes a JavaScript string. What remains, the skeleton, is small and goes through `JSON.parse`,
 * which is the judge of validity: the scanner itself only tells strings from structure.
 *
 * Inside a string it jumps from quote to quote with `indexOf` (both positions are remembered for the chunk, so that a string full
 * of escapes stays linear). Throws {@link AnswerFault} as soon as the text cannot be an object within the limits.
 */
export class JsonScanner {
  readonly #options: JsonScannerOptions;
  readonly #skeleton: GrowingBytes;
  readonly #stack: Frame[] = [];
  readonly #oneByte = Buffer.alloc(1);
  #begun = false;
  #afterSpace = false;
  #inString = false;
  #isKey = false;
  #sink: StringSink | undefined;
  #stringFrom = 0;
  #stringBytes = 0;
  #escape: string | undefined;
  #quoteAt = -1;
  #backslashAt = -1;

  constructor(options: JsonScannerOptions) {
    this.#options = options;
    this.#skeleton = new GrowingBytes(
      options.skeletonBytesMax,
      () => new AnswerFault(`the answer has more than ${options.skeletonBytesMax} bytes besides its pictures`),
    );
  }

  /** Reads the next chunk; it may be reused afterwards. */
  push(chunk: Buffer): void {
    this.#quoteAt = -1;
    this.#backslashAt = -1;
    let at = 0;
    while (at < chunk.length) {
      if (this.#escape !== undefined) at = this.#readEscape(this.#escape, chunk, at);
      else if (this.#inString) at = this.#readString(chunk, at);
      else at = this.#readStructure(chunk, at);
    }
  }

  /** The document, with the words of the sinks in place of the diverted strings; `undefined` when nothing but space arrived. */
  end(): unknown {
    if (!this.#begun) return undefined;
    try {
      return JSON.parse(this.#skeleton.text());
    } catch (error) {
      const words = error instanceof Error ? error.message : 'unreadable';
      throw new AnswerFault(`the answer is not valid JSON: ${words}`, { cause: error });
    }
  }

  #readStructure(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        if (!this.#afterSpace) this.#skeleton.pushByte(SPACE);
        this.#afterSpace = true;
        continue;
      }
      this.#afterSpace = false;
      if (this.#stack.length === 0) this.#beginDocument(byte);
      this.#skeleton.pushByte(byte);
      if (byte === QUOTE) {
        this.#beginString();
        return at + 1;
      }
      this.#noteStructure(byte);
    }
    return chunk.length;
  }

  #beginDocument(byte: number): void {
    if (this.#begun || byte !== 0x7b) throw new AnswerFault('the answer is not a JSON object');
    this.#begun = true;
  }

  #noteStructure(byte: number): void {
    const top = this.#stack.at(-1);
    if (byte === 0x7b || byte === 0x5b) {
      if (this.#stack.length === DEPTH_MAX) throw new AnswerFault(`the answer is nested deeper than ${DEPTH_MAX}`);
      const isObject = byte === 0x7b;
      this.#stack.push({ isObject, ownKey: top?.isObject === true ? top.key : '', key: '', awaitsKey: isObject });
    } else if (byte === 0x7d || byte === 0x5d) {
      this.#stack.pop();
    } else if (top !== undefined && byte === 0x2c) {
      top.awaitsKey = top.isObject;
    } else if (top !== undefined && byte === 0x3a) {
      top.awaitsKey = false;
    }
  }

  #beginString(): void {
    const top = this.#stack.at(-1);
    this.#inString = true;
    this.#isKey = top?.awaitsKey === true;
    this.#sink = top?.isObject === true && !this.#isKey ? this.#options.divert(top.ownKey, top.key) : undefined;
    this.#stringFrom = this.#skeleton.length;
    this.#stringBytes = 0;
  }

  #readString(chunk: Buffer, from: number): number {
    if (this.#quoteAt < from) this.#quoteAt = positionOf(chunk, QUOTE, from);
    if (this.#backslashAt < from) this.#backslashAt = positionOf(chunk, BACKSLASH, from);
    const to = Math.min(this.#quoteAt, this.#backslashAt);
    if (to > from) this.#take(chunk, from, to);
    if (to === chunk.length) return to;
    if (to === this.#backslashAt) this.#escape = '';
    else this.#endString();
    return to + 1;
  }

  #take(chunk: Buffer, from: number, to: number): void {
    if (this.#sink !== undefined) {
      this.#sink.push(chunk, from, to);
      return;
    }
    const room = this.#options.stringBytesMax - this.#stringBytes;
    if (room <= 0) return;
    this.#skeleton.push(chunk, from, Math.min(to, from + room));
    this.#stringBytes += to - from;
  }

  #readEscape(begun: string, chunk: Buffer, at: number): number {
    const sequence = begun + String.fromCharCode(chunk[at] ?? 0);
    const isComplete = sequence.length === (sequence.startsWith('u') ? 5 : 1);
    this.#escape = isComplete ? undefined : sequence;
    if (isComplete) this.#takeEscape(sequence);
    return at + 1;
  }

  #takeEscape(sequence: string): void {
    if (this.#sink !== undefined) {
      const code = sequence.length === 5 ? Number.parseInt(sequence.slice(1), 16) : (SIMPLE_ESCAPES[sequence] ?? 0);
      this.#oneByte[0] = code < 0x80 ? code : 0;
      this.#sink.push(this.#oneByte, 0, 1);
      return;
    }
    // A cut inside an escape would make the skeleton invalid: it is kept whole or not at all.
    if (this.#stringBytes >= this.#options.stringBytesMax) return;
    const bytes = Buffer.from(`\\${sequence}`, 'latin1');
    this.#skeleton.push(bytes, 0, bytes.length);
    this.#stringBytes += bytes.length;
  }

  #endString(): void {
    const top = this.#stack.at(-1);
    if (this.#sink !== undefined) {
      const word = Buffer.from(this.#sink.end(), 'latin1');
      this.#skeleton.push(word, 0, word.length);
    } else if (this.#isKey && top !== undefined) {
      top.key = this.#stringBytes > KEY_BYTES_MAX ? '' : keyOf(this.#skeleton.text(this.#stringFrom));
    }
    this.#sink = undefined;
    this.#inString = false;
    this.#skeleton.pushByte(QUOTE);
  }
}

function positionOf(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at === -1 ? chunk.length : at;
}

function keyOf(text: string): string {
  if (!text.includes('\\')) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return '';
  }
}
