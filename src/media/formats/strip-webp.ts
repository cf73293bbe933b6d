/** WebP without anything but its picture. RFC 9649. */
import { UnacceptableImageError } from '../../domain/unacceptable-image.ts';
import { keepPieces } from './kept-pieces.ts';
import { VP8X_BODY_BYTES, VP8X_FLAG, WEBP_LAYOUT } from './webp.ts';

const KEPT_CHUNKS = new Set(['VP8X', 'VP8 ', 'VP8L', 'ALPH', 'ICCP']);
const ANIMATION_CHUNKS = new Set(['ANIM', 'ANMF']);

/**
 * Keeps the first picture, its transparency and its colour profile; drops Exif, XMP, unknown chunks, and what follows
 * the RIFF container, whose size and flags are set right again.
 *
 * @throws UnacceptableImageError when the chunks do not fill the container, or the picture is animated.
 */
export function stripWebp(file: Buffer): Buffer[] {
  const { fileHeadBytes, chunkHeadBytes } = WEBP_LAYOUT;
  if (
    file.length < fileHeadBytes ||
    file.toString('latin1', 0, 4) !== 'RIFF' ||
    file.toString('latin1', 8, 12) !== 'WEBP'
  ) {
    throw broken('does not begin as a WebP does');
  }
  const fileEnd = 8 + file.readUInt32LE(4);
  if (fileEnd > file.length) throw broken('is a WebP that ends too early');
  const kept = keepPieces(file);
  const seen = new Set<string>();
  let at: number = fileHeadBytes;
  while (at < fileEnd) {
    if (at + chunkHeadBytes > fileEnd) throw broken('is a WebP whose chunks do not fill it');
    const type = file.toString('latin1', at, at + 4);
    const bodyBytes = file.readUInt32LE(at + 4);
    const end = Math.min(at + chunkHeadBytes + bodyBytes + (bodyBytes % 2), fileEnd);
    if (at + chunkHeadBytes + bodyBytes > fileEnd) throw broken('is a WebP with a chunk that is longer than the file');
    if (ANIMATION_CHUNKS.has(type)) throw broken('is an animated WebP');
    if (type === 'VP8X' && bodyBytes < VP8X_BODY_BYTES) throw broken('is a WebP with a header that is too short');
    if (KEPT_CHUNKS.has(type) && !seen.has(type)) {
      if (type === 'VP8X') kept.add(withoutMetadataFlags(file.subarray(at, end)));
      else kept.keep(at, end);
    }
    seen.add(type);
    at = end;
  }
  if (!seen.has('VP8 ') && !seen.has('VP8L')) throw broken('is a WebP without pixels');
  return withHead(kept.all());
}

/** The header chunk at its regular length, without the flags of what is dropped. */
function withoutMetadataFlags(chunk: Buffer): Buffer {
  const { chunkHeadBytes } = WEBP_LAYOUT;
  const copy = Buffer.from(chunk.subarray(0, chunkHeadBytes + VP8X_BODY_BYTES));
  copy.writeUInt32LE(VP8X_BODY_BYTES, 4);
  copy.writeUInt8(copy.readUInt8(chunkHeadBytes) & ~(VP8X_FLAG.exif | VP8X_FLAG.xmp), chunkHeadBytes);
  return copy;
}

function withHead(chunks: readonly Buffer[]): Buffer[] {
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(
    chunks.reduce((sum, chunk) => sum + chunk.length, 4),
    4,
  );
  return [head, ...chunks];
}

const broken = (fault: string): UnacceptableImageError => new UnacceptableImageError(`The picture ${fault}.`);
