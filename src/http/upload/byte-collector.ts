/** Gathers small pieces into one buffer: linear work and bounded memory however finely the client cuts them. */
export interface ByteCollector {
  readonly sizeBytes: number;
  /** @returns false, and keeps nothing of `bytes`, when they do not fit any more. */
  append(bytes: Buffer): boolean;
  /** What was gathered; valid until the next `append` or `clear`. */
  view(): Buffer;
  clear(): void;
}

const FIRST_CAPACITY_BYTES = 1024;

/** @param sizeBytesMax how much it holds at most; memory grows by doubling and is used again after `clear`. */
export function createByteCollector(sizeBytesMax: number): ByteCollector {
  let storage = Buffer.allocUnsafeSlow(Math.min(FIRST_CAPACITY_BYTES, sizeBytesMax));
  let sizeBytes = 0;
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    append(bytes) {
      const needed = sizeBytes + bytes.length;
      if (needed > sizeBytesMax) return false;
      if (needed > storage.length) {
        const larger = Buffer.allocUnsafeSlow(Math.min(sizeBytesMax, Math.max(needed, storage.length * 2)));
        storage.copy(larger, 0, 0, sizeBytes);
        storage = larger;
      }
      bytes.copy(storage, sizeBytes);
      sizeBytes = needed;
      return true;
    },
    view: () => storage.subarray(0, sizeBytes),
    clear() {
      sizeBytes = 0;
    },
  };
}
