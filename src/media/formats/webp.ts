/** WebP by its RIFF chunks. RFC 9649 (container), RFC 6386 (VP8), RFC 9649 section 3 (VP8L). */
import { type ByteWalk, MORE, skip, TAKE_BYTES_MAX, take } from './byte-feeder.ts';
import { readExifOrientation } from './exif.ts';
import { createPieceCounter, type HeaderRules, type HeaderWalk } from './header-walk.ts';
import { animatedImage, brokenImage, checkPixels } from './image-faults.ts';

const FORMAT = 'WebP';

/** Bits of the first byte of a VP8X chunk. */
export const VP8X_FLAG = { animation: 0x02, xmp: 0x04, exif: 0x08 } as const;

/** Flags, reserved bits, canvas width and height. */
export const VP8X_BODY_BYTES = 10;

/** RIFF, size, WEBP; and a chunk's type and size. */
export const WEBP_LAYOUT = { fileHeadBytes: 12, chunkHeadBytes: 8 } as const;

/** How much of a chunk's body says the size of its picture. */
const SIZE_BYTES: Readonly<Record<string, number>> = { VP8X: VP8X_BODY_BYTES, 'VP8 ': 10, VP8L: 5 };

interface Sides {
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Walks the whole chunk list, which must fill the file exactly as the RIFF header says. Canvas and picture must agree
 * on the size, as they do in every still picture.
 */
export function* walkWebp(rules: HeaderRules): HeaderWalk {
  rules.admit('image/webp');
  const countPiece = createPieceCounter(FORMAT);
  let left = (yield take(WEBP_LAYOUT.fileHeadBytes)).readUInt32LE(4) - 4;
  let canvas: Sides | undefined;
  let picture: Sides | undefined;
  let orientation: number | undefined;
  while (left > 0) {
    countPiece();
    if (left < WEBP_LAYOUT.chunkHeadBytes) throw brokenImage(FORMAT, 'its chunks do not fill it');
    const head = yield take(WEBP_LAYOUT.chunkHeadBytes);
    const type = head.toString('latin1', 0, 4);
    const bodyBytes = head.readUInt32LE(4);
    left -= WEBP_LAYOUT.chunkHeadBytes;
    if (bodyBytes > left) throw brokenImage(FORMAT, 'a chunk is longer than the file');
    const block = yield* readBody(type, bodyBytes);
    if (type === 'VP8X') canvas = readCanvas(block, rules.pixelsMax);
    else if (type === 'VP8 ' || type === 'VP8L') picture ??= readPicture(type, block, rules.pixelsMax);
    else if (type === 'ANIM' || type === 'ANMF') throw animatedImage(FORMAT);
    else if (type === 'EXIF') orientation ??= readExifOrientation(block);
    // an odd body is padded to an even one; some encoders leave the padding out at the end of the file
    const bodyAndPadding = Math.min(bodyBytes + (bodyBytes % 2), left);
    yield skip(bodyAndPadding - block.length);
    left -= bodyAndPadding;
  }
  if (picture === undefined) throw brokenImage(FORMAT, 'it has no picture');
  if (canvas !== undefined && (canvas.widthPx !== picture.widthPx || canvas.heightPx !== picture.heightPx)) {
    throw brokenImage(FORMAT, 'its header and its picture disagree about the size');
  }
  if ((yield MORE).length > 0) throw brokenImage(FORMAT, 'other bytes follow its end');
  return { mimeType: 'image/webp', ...picture, orientation: orientation ?? 1 };
}

/** Reads as much of a chunk's body as its type makes worth knowing. */
function* readBody(type: string, bodyBytes: number): ByteWalk<Buffer> {
  const sizeBytes = SIZE_BYTES[type];
  if (sizeBytes !== undefined && bodyBytes < sizeBytes) throw brokenImage(FORMAT, 'a header in it is too short');
  const wanted = sizeBytes ?? (type === 'EXIF' ? Math.min(bodyBytes, TAKE_BYTES_MAX) : 0);
  return yield take(wanted);
}

function readCanvas(block: Buffer, pixelsMax: number): Sides {
  if ((block.readUInt8(0) & VP8X_FLAG.animation) !== 0) throw animatedImage(FORMAT);
  return checked({ widthPx: block.readUIntLE(4, 3) + 1, heightPx: block.readUIntLE(7, 3) + 1 }, pixelsMax);
}

function readPicture(type: 'VP8 ' | 'VP8L', block: Buffer, pixelsMax: number): Sides {
  if (type === 'VP8L') {
    if (block[0] !== 0x2f) throw brokenImage(FORMAT, 'its picture does not begin as it should');
    const bits = block.readUInt32LE(1);
    return checked({ widthPx: (bits & 0x3fff) + 1, heightPx: ((bits >>> 14) & 0x3fff) + 1 }, pixelsMax);
  }
  const isKeyFrame = (block.readUInt8(0) & 1) === 0 && block.readUIntBE(3, 3) === 0x9d012a;
  if (!isKeyFrame) throw brokenImage(FORMAT, 'its picture does not begin as it should');
  return checked({ widthPx: block.readUInt16LE(6) & 0x3fff, heightPx: block.readUInt16LE(8) & 0x3fff }, pixelsMax);
}

function checked(sides: Sides, pixelsMax: number): Sides {
  checkPixels(FORMAT, sides.widthPx, sides.heightPx, pixelsMax);
  return sides;
}
