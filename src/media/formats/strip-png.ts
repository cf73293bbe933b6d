/** PNG without anything but its picture. W3C PNG (third edition). */
import { UnacceptableImageError } from '../../domain/unacceptable-image.ts';
import { startsWith } from './exif.ts';
import { keepPieces } from './kept-pieces.ts';
import { PNG_CHUNK, PNG_SIGNATURE } from './png.ts';

/**
 * Pixels, palette, transparency, colour and print size. Text, Exif, times, animations and private chunks are not among
 * them.
 */
const KEPT_CHUNKS = new Set([
  ...['IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS', 'bKGD', 'sBIT', 'pHYs'],
  ...['iCCP', 'sRGB', 'gAMA', 'cHRM', 'cICP', 'mDCV', 'cLLI'],
]);

/**
 * Keeps the chunks that make the picture, and their checksums; drops the rest, and what follows the end chunk.
 *
 * @throws UnacceptableImageError when the chunks do not lead to an end chunk.
 */
export function stripPng(file: Buffer): Buffer[] {
  if (!startsWith(file, PNG_SIGNATURE)) throw new UnacceptableImageError('The picture does not begin as a PNG does.');
  const kept = keepPieces(file);
  kept.keep(0, PNG_SIGNATURE.length);
  let hasPixels = false;
  let at = PNG_SIGNATURE.length;
  while (at + PNG_CHUNK.headBytes <= file.length) {
    const type = file.toString('latin1', at + 4, at + 8);
    const end = at + PNG_CHUNK.headBytes + file.readUInt32BE(at) + PNG_CHUNK.checksumBytes;
    if (end > file.length) break;
    if (KEPT_CHUNKS.has(type)) kept.keep(at, end);
    if (type === 'IDAT') hasPixels = true;
    if (type === 'IEND') {
      if (!hasPixels) throw new UnacceptableImageError('The picture is a PNG without pixels.');
      return kept.all();
    }
    at = end;
  }
  throw new UnacceptableImageError('The picture is a PNG that ends too early.');
}
