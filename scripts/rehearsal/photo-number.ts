/**
 * A number written into a photo's pixels, so that a simulated service knows which photo it got: metadata are stripped on the way,
 * and prompts are the slots'. It survives JPEG, a smaller size and a lossless strip.
 */
import sharp from 'sharp';

/** The largest number. */
export const PHOTO_NUMBER_MAX = 2 ** 14 - 1;

const NUMBER_BITS = 14;
const CHECK_BITS = 4;
/** A white and a black cell at the left say that there is a number at all. */
const CELLS = 2 + NUMBER_BITS + CHECK_BITS;
/** The strip at the top of the photo takes this share of its height. */
const STRIP_SHARE = 1 / 10;
/** What is looked at of a cell, and of the strip. */
const SEEN_SHARE = 0.6;

const checkOf = (no: number): number => ((no * 11) ^ (no >> 4) ^ (no >> 9) ^ 5) & (2 ** CHECK_BITS - 1);

/** Writes the number over the top of raw pixels and returns the photo as a JPEG. @throws RangeError for a number that has no room. */
export async function writePhotoNumber(
  pixels: { readonly data: Buffer; readonly width: number; readonly height: number },
  no: number,
): Promise<Buffer> {
  if (!Number.isInteger(no) || no < 0 || no > PHOTO_NUMBER_MAX)
    throw new RangeError(`A photo's number is 0 to ${PHOTO_NUMBER_MAX}.`);
  const { data, width, height } = pixels;
  const bits = ((no << CHECK_BITS) | checkOf(no)).toString(2).padStart(NUMBER_BITS + CHECK_BITS, '0');
  const cells = Buffer.from([255, 0, ...[...bits].map((bit) => (bit === '1' ? 255 : 0))]);
  const strip = await sharp(cells, { raw: { width: CELLS, height: 1, channels: 1 } })
    .resize({ width, height: Math.ceil(height * STRIP_SHARE), fit: 'fill', kernel: 'nearest' })
    .png()
    .toBuffer();
  return sharp(data, { raw: { width, height, channels: 3 } })
    .composite([{ input: strip, left: 0, top: 0 }])
    .jpeg({ quality: 88 })
    .toBuffer();
}

/** Reads the number; undefined for a picture without one, and for bytes that are no picture. */
export async function readPhotoNumber(photo: Buffer): Promise<number | undefined> {
  try {
    const { width = 0, height = 0 } = await sharp(photo).metadata();
    const strip = { left: 0, top: 0, width, height: Math.max(1, Math.floor(height * STRIP_SHARE * SEEN_SHARE)) };
    const shades = await sharp(photo).extract(strip).greyscale().raw().toBuffer();
    const bits = Array.from({ length: CELLS }, (_, cell): number => bitOf(shades, strip, cell));
    if (bits[0] !== 1 || bits[1] !== 0) return undefined;
    const word = bits.slice(2).reduce((sum, bit) => sum * 2 + bit, 0);
    const no = word >> CHECK_BITS;
    return (word & (2 ** CHECK_BITS - 1)) === checkOf(no) ? no : undefined;
  } catch {
    return undefined;
  }
}

/** What the middle of a cell shows: its edges may be blurred. */
function bitOf(
  shades: Buffer,
  { width, height }: { readonly width: number; readonly height: number },
  cell: number,
): 0 | 1 {
  const from = Math.floor(((cell + (1 - SEEN_SHARE) / 2) * width) / CELLS);
  const until = Math.max(from + 1, Math.floor(((cell + (1 + SEEN_SHARE) / 2) * width) / CELLS));
  let sum = 0;
  for (let y = 0; y < height; y += 1) for (let x = from; x < until; x += 1) sum += shades[y * width + x] ?? 0;
  return sum / (height * (until - from)) >= 128 ? 1 : 0;
}
