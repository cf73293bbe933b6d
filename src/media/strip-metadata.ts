import type { ResultMimeType } from '../domain/images.ts';
import { stripJpeg } from './formats/strip-jpeg.ts';
import { stripPng } from './formats/strip-png.ts';
import { stripWebp } from './formats/strip-webp.ts';

const STRIPPERS = {
  'image/jpeg': stripJpeg,
  'image/png': stripPng,
  'image/webp': stripWebp,
} as const satisfies Record<ResultMimeType, (file: Buffer) => Buffer[]>;

/**
 * Takes everything out of a picture that does not make its pixels: Exif with GPS and camera, XMP, IPTC, comments, C2PA,
 * previews and whatever else follows the end. Lossless; pixels and colour profile are the same bit for bit. About 0.5
 * ms for a JPEG of 1.5 MB, where decoding and encoding again takes 34 ms and quality.
 *
 * The Exif orientation goes with the rest: call it for pictures that lie upright as they are.
 *
 * @returns the pieces of the new file; nearly all are views of `file`, which must stay unchanged as long as they are
 * used.
 * @throws UnacceptableImageError when `file` is not that type, or not whole.
 */
export function stripMetadata(file: Buffer, mimeType: ResultMimeType): Buffer[] {
  return STRIPPERS[mimeType](file);
}
