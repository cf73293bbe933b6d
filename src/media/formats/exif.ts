/** The one thing that is wanted from EXIF here: which way up the picture is. CIPA DC-008 (Exif 2.32), TIFF 6.0. */

const ORIENTATION_TAG = 0x0112;
const TYPE_SHORT = 3;
const ENTRY_BYTES = 12;

/** How an Exif block begins in a JPEG segment, and by habit in some WebP files. */
export const EXIF_SIGNATURE = Buffer.from('Exif\0\0', 'latin1');

/**
 * Reads the orientation of a TIFF structure, 1–8. Whatever is missing, out of bounds or absurd reads as 1 (upright): a
 * wrong tag is no reason to refuse a photo.
 *
 * @param block with or without the `Exif\0\0` signature; it may be cut off.
 */
export function readExifOrientation(block: Buffer): number {
  const tiff = startsWith(block, EXIF_SIGNATURE) ? block.subarray(EXIF_SIGNATURE.length) : block;
  if (tiff.length < 8) return 1;
  const byteOrder = tiff.toString('latin1', 0, 2);
  if (byteOrder !== 'II' && byteOrder !== 'MM') return 1;
  const isLittle = byteOrder === 'II';
  const short = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (directory + 2 > tiff.length) return 1;
  const entries = Math.min(short(directory), Math.floor((tiff.length - directory - 2) / ENTRY_BYTES));
  for (let index = 0; index < entries; index++) {
    const at = directory + 2 + index * ENTRY_BYTES;
    if (short(at) !== ORIENTATION_TAG) continue;
    const value = short(at + 8);
    return short(at + 2) === TYPE_SHORT && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Whether `bytes` begin with `signature`. */
export function startsWith(bytes: Buffer, signature: Buffer): boolean {
  return bytes.length >= signature.length && bytes.compare(signature, 0, signature.length, 0, signature.length) === 0;
}
