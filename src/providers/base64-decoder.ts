import type { Slab, SlabPool } from '../media/slabs.ts';
import { AnswerFault } from './answer-fault.ts';

/** Lends a slab of at least as many bytes as asked for. */
export type TakeSlab = SlabPool['takeSlab'];

/** Where the bytes go, and how many there may be. */
export interface Base64DecoderOptions {
  readonly takeSlab: TakeSlab;
  /** How many bytes the first slab holds; it grows by doubling when the picture is larger. */
  readonly sizeBytesFirst: number;
  /** The most bytes that are decoded. */
  readonly sizeBytesMax: number;
}

const WHITESPACE = /[\t\n\r ]+/g;
const ALPHABET = /^([A-Za-z0-9+/_-]*)(={0,2})$/;

/**
 * Decodes base64 (RFC 4648, standard or URL-safe alphabet, line breaks allowed) that arrives in pieces of any length, straight
 * into a slab: no string longer than a piece is ever built. Every method throws {@link AnswerFault} on text that is not base64.
 *
 * Node's own decoder skips what it does not know; the count of bytes it wrote tells whether a piece was clean, and only a piece
 * that was not (padding, line breaks, rubbish) takes the slow path, which is strict.
 */
export class Base64Decoder {
  readonly #options: Base64DecoderOptions;
  #slab: Slab | undefined;
  #length = 0;
  #carry = '';
  #padded = false;

  constructor(options: Base64DecoderOptions) {
    this.#options = options;
  }

  /** What was decoded so far; valid until {@link release}. */
  get bytes(): Buffer {
    return this.#slab === undefined ? Buffer.alloc(0) : this.#slab.buffer.subarray(0, this.#length);
  }

  /** Takes the characters of `chunk` from `from` up to, not including, `to`. */
  push(chunk: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const wanted = this.#carry === '' ? (to - at) & ~3 : Math.min(4 - this.#carry.length, to - at);
      const end = wanted === 0 ? to : at + wanted;
      const text = this.#carry + chunk.toString('latin1', at, end);
      at = end;
      if (text.length % 4 !== 0) {
        this.#carry = text;
        continue;
      }
      this.#carry = '';
      this.#decode(text);
    }
  }

  /** Decodes what is left; nothing may be pushed afterwards. */
  end(): void {
    const rest = this.#carry;
    this.#carry = '';
    this.#decodeStrictly(rest);
    if (this.#carry !== '') this.#write(this.#carry);
  }

  /** Gives the slab back; may be called again. */
  release(): void {
    const slab = this.#slab;
    this.#slab = undefined;
    this.#length = 0;
    slab?.release();
  }

  #decode(text: string): void {
    const expected = (text.length / 4) * 3;
    const slab = this.#reserve(expected);
    if (!this.#padded && slab.buffer.write(text, this.#length, 'base64') === expected) this.#length += expected;
    else this.#decodeStrictly(text);
  }

  #decodeStrictly(text: string): void {
    const match = ALPHABET.exec(text.replace(WHITESPACE, ''));
    const body = match?.[1];
    if (body === undefined || (this.#padded && body !== '')) throw new AnswerFault('the picture is not valid base64');
    const rest = body.length % 4;
    this.#write(body.slice(0, body.length - rest));
    const tail = body.slice(body.length - rest);
    if (match?.[2] === '') {
      this.#carry = tail;
      return;
    }
    this.#padded = true;
    this.#write(tail);
  }

  #write(text: string): void {
    if (text === '') return;
    if (text.length % 4 === 1) throw new AnswerFault('the picture is not valid base64');
    const size = Math.floor((text.length * 3) / 4);
    this.#reserve(size).buffer.write(text, this.#length, 'base64');
    this.#length += size;
  }

  #reserve(sizeBytes: number): Slab {
    const needed = this.#length + sizeBytes;
    const current = this.#slab;
    if (current !== undefined && current.buffer.length >= needed) return current;
    const { takeSlab, sizeBytesFirst, sizeBytesMax } = this.#options;
    if (needed > sizeBytesMax)
      throw new AnswerFault(`the picture is larger than ${sizeBytesMax} bytes`, { retryable: false });
    const preferred = current === undefined ? sizeBytesFirst : current.buffer.length * 2;
    const grown = takeSlab(Math.max(needed, Math.min(preferred, sizeBytesMax)));
    current?.buffer.copy(grown.buffer, 0, 0, this.#length);
    this.#slab = grown;
    current?.release();
    return grown;
  }
}
