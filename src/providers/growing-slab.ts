import type { Slab } from '../media/slabs.ts';
import type { TakeSlab } from './base64-decoder.ts';

/** Bytes of unknown number that are gathered in lent memory. */
export interface GrowingSlab {
  /** What was gathered so far; valid until `release`. */
  readonly bytes: Buffer;
  push(chunk: Buffer): void;
  /** Gives the memory back; may be called again. */
  release(): void;
}

/** Gathers bytes in one slab, which grows by doubling from `sizeBytesFirst`. Whoever pushes bounds how many there are. */
export function createGrowingSlab(takeSlab: TakeSlab, sizeBytesFirst: number): GrowingSlab {
  let slab: Slab | undefined;
  let length = 0;

  function reserve(needed: number): Buffer {
    if (slab !== undefined && slab.buffer.length >= needed) return slab.buffer;
    const grown = takeSlab(Math.max(needed, slab === undefined ? sizeBytesFirst : slab.buffer.length * 2));
    slab?.buffer.copy(grown.buffer, 0, 0, length);
    slab?.release();
    slab = grown;
    return grown.buffer;
  }
  return {
    get bytes() {
      return slab === undefined ? Buffer.alloc(0) : slab.buffer.subarray(0, length);
    },
    push(chunk) {
      length += chunk.copy(reserve(length + chunk.length), length);
    },
    release() {
      const lent = slab;
      slab = undefined;
      length = 0;
      lent?.release();
    },
  };
}
