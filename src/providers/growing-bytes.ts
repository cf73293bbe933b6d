/** Bytes that are appended one by one or in runs, up to a limit. */
export class GrowingBytes {
  readonly #sizeBytesMax: number;
  readonly #tooLarge: () => Error;
  #buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  /** @param tooLarge makes the error that is thrown by the append that would pass the limit. */
  constructor(sizeBytesMax: number, tooLarge: () => Error) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#tooLarge = tooLarge;
  }

  get length(): number {
    return this.#length;
  }

  pushByte(byte: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1);
    this.#buffer[this.#length++] = byte;
  }

  /** Appends the bytes of `source` from `from` up to, not including, `to`. */
  push(source: Buffer, from: number, to: number): void {
    if (this.#length + to - from > this.#buffer.length) this.#grow(to - from);
    this.#length += source.copy(this.#buffer, this.#length, from, to);
  }

  /** The text from byte `from` to the end, read as UTF-8. */
  text(from = 0): string {
    return this.#buffer.toString('utf8', from, this.#length);
  }

  #grow(sizeBytes: number): void {
    const needed = this.#length + sizeBytes;
    if (needed > this.#sizeBytesMax) throw this.#tooLarge();
    const grown = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#buffer.length * 2), this.#sizeBytesMax));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
