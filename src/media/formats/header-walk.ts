import type { ImageFacts, ImageMimeType } from '../../domain/images.ts';
import type { ByteWalk } from './byte-feeder.ts';
import { brokenImage } from './image-faults.ts';

/** A format's judgement of a file; throws `DomainError` as soon as a fault is certain. */
export type HeaderWalk = ByteWalk<ImageFacts>;

/** What a format's walk is told by whoever asked for it. */
export interface HeaderRules {
  readonly pixelsMax: number;
  /** Called once, as soon as the type is certain. @throws DomainError when this type is not wanted. */
  admit(mimeType: ImageMimeType): void;
}

/**
 * How many pieces (segments, chunks, boxes) a file may have. A 50 MB PNG in pieces of 1 kB has 50,000; without a bound,
 * a file of empty pieces would hold the main thread for a second.
 */
const PIECES_MAX = 65_536;

/**
 * Counts the pieces of a file.
 *
 * @returns what to call for every piece; throws DomainError `invalid_payload` when there are more than any camera
 * writes.
 */
export function createPieceCounter(format: string): () => void {
  let pieces = 0;
  return () => {
    pieces += 1;
    if (pieces > PIECES_MAX) throw brokenImage(format, 'it is cut into more pieces than any camera writes');
  };
}
