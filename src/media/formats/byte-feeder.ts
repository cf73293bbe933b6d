/**
 * Walking a file while it arrives. A format is written as a generator that asks for the next bytes it needs, as if it
 * read from a file; the feeder answers from chunks of any size and skips what nobody asked to see. Nothing but the
 * bytes of one `take` is ever kept.
 */

/** What a walk asks of the stream next. */
export type ByteRequest =
  /** Exactly `count` bytes. Keep it within {@link TAKE_BYTES_MAX}: this is all that is ever held. */
  | { readonly want: 'take'; readonly count: number }
  | { readonly want: 'skip'; readonly count: number }
  /** Skips everything up to the end of the first occurrence of `sequence`. */
  | { readonly want: 'find'; readonly sequence: Buffer }
  /** Answered with some bytes that stay where they are, or with none at the end of the file. */
  | { readonly want: 'more' }
  /** Skips to the end of the file. */
  | { readonly want: 'rest' };

/**
 * A format's walk over a file; `Facts` is what it found. When it returns, the rest of the file does not matter to it.
 */
export type ByteWalk<Facts> = Generator<ByteRequest, Facts, Buffer>;

/** The largest piece a walk may ask for: a JPEG segment cannot be longer. */
export const TAKE_BYTES_MAX = 65_536;

/** Asks for the next bytes. They are valid until the next request only. */
export const take = (count: number): ByteRequest => ({ want: 'take', count });
/** Passes over bytes without keeping them. */
export const skip = (count: number): ByteRequest => ({ want: 'skip', count });
/** Passes over everything up to and including a sequence of bytes. */
export const find = (sequence: Buffer): ByteRequest => ({ want: 'find', sequence });
/** Asks whether the file goes on. */
export const MORE: ByteRequest = { want: 'more' };
/** Passes over all that is left. */
export const REST: ByteRequest = { want: 'rest' };

/** Feeds one walk. Both methods throw what the walk throws; after that the feeder is of no more use. */
export interface ByteFeeder<Facts> {
  push(chunk: Buffer): void;
  /** @returns the walk's facts, or nothing when the file ended before the walk had all it asked for. */
  end(): Facts | undefined;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Where a walk stands. */
interface Progress<Facts> {
  readonly walk: ByteWalk<Facts>;
  step: IteratorResult<ByteRequest, Facts>;
  /** What came so far of a `take` that crosses chunks; in a `find`, the bytes that may begin the sequence. */
  held: Buffer;
  /** How many bytes of the current `take` or `skip` are through. */
  passed: number;
}

/** Starts a walk. */
export function createByteFeeder<Facts>(walk: ByteWalk<Facts>): ByteFeeder<Facts> {
  const progress: Progress<Facts> = { walk, step: walk.next(), held: NOTHING, passed: 0 };
  return {
    push(chunk) {
      let rest = chunk;
      while (!progress.step.done) {
        const used = answer(progress, progress.step.value, rest);
        if (used === undefined) return;
        rest = rest.subarray(used);
      }
    },
    end() {
      while (!progress.step.done && ['more', 'rest'].includes(progress.step.value.want)) goOn(progress, NOTHING);
      return progress.step.done ? progress.step.value : undefined;
    },
  };
}

function goOn<Facts>(progress: Progress<Facts>, bytes: Buffer): void {
  progress.held = NOTHING;
  progress.passed = 0;
  progress.step = progress.walk.next(bytes);
}

/** @returns how many bytes of `bytes` the request used up, or nothing when it needs more than these. */
function answer<Facts>(progress: Progress<Facts>, request: ByteRequest, bytes: Buffer): number | undefined {
  switch (request.want) {
    case 'take':
      return answerTake(progress, request.count, bytes);
    case 'skip':
      return answerSkip(progress, request.count, bytes);
    case 'find':
      return answerFind(progress, request.sequence, bytes);
    case 'more':
      if (bytes.length === 0) return undefined;
      goOn(progress, bytes);
      return 0;
    case 'rest':
      return undefined;
  }
}

function answerTake<Facts>(progress: Progress<Facts>, count: number, bytes: Buffer): number | undefined {
  const missing = count - progress.passed;
  if (missing > bytes.length) {
    // room for all of it at once: growing by every piece would let a sender of single bytes have 2 GB copied
    if (progress.passed === 0) progress.held = Buffer.allocUnsafe(count);
    progress.passed += bytes.copy(progress.held, progress.passed);
    return undefined;
  }
  const piece = bytes.subarray(0, missing);
  const taken = progress.passed === 0 ? piece : progress.held;
  if (progress.passed > 0) piece.copy(progress.held, progress.passed);
  goOn(progress, taken);
  return missing;
}

function answerSkip<Facts>(progress: Progress<Facts>, count: number, bytes: Buffer): number | undefined {
  const missing = count - progress.passed;
  if (missing > bytes.length) {
    progress.passed += bytes.length;
    return undefined;
  }
  goOn(progress, NOTHING);
  return missing;
}

function answerFind<Facts>(progress: Progress<Facts>, sequence: Buffer, bytes: Buffer): number | undefined {
  const { held } = progress;
  const overlap = sequence.length - 1;
  const acrossSeam = Buffer.concat([held, bytes.subarray(0, overlap)]).indexOf(sequence);
  const start = acrossSeam >= 0 ? acrossSeam - held.length : bytes.indexOf(sequence);
  if (acrossSeam >= 0 || start >= 0) {
    goOn(progress, NOTHING);
    return start + sequence.length;
  }
  const tail = bytes.length >= overlap ? bytes : Buffer.concat([held, bytes]);
  progress.held = Buffer.from(tail.subarray(Math.max(0, tail.length - overlap)));
  return undefined;
}
