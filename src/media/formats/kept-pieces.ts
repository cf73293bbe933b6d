/** Collects what is kept of a file, in order; pieces that lie side by side become one, and nothing is copied. */
export interface KeptPieces {
  /** Keeps the bytes from `start` up to, not including, `end`. */
  keep(start: number, end: number): void;
  /** Keeps a piece that was rewritten. */
  add(piece: Buffer): void;
  /** @returns the pieces; they share the memory of the file. */
  all(): Buffer[];
}

/** @param file stays referenced by the pieces. */
export function keepPieces(file: Buffer): KeptPieces {
  const pieces: Buffer[] = [];
  let from = 0;
  let to = 0;
  const close = (): void => {
    if (to > from) pieces.push(file.subarray(from, to));
  };
  return {
    keep(start, end) {
      if (start !== to) {
        close();
        from = start;
      }
      to = end;
    },
    add(piece) {
      close();
      from = to;
      pieces.push(piece);
    },
    all() {
      close();
      from = to;
      return pieces;
    },
  };
}
