/** JPEG by its markers. ITU-T T.81 (ISO 10918-1), annex B. */
import { type ByteWalk, find, skip, take } from './byte-feeder.ts';
import { EXIF_SIGNATURE, readExifOrientation, startsWith } from './exif.ts';
import { createPieceCounter, type HeaderRules, type HeaderWalk } from './header-walk.ts';
import { brokenImage, checkPixels, unsupportedType } from './image-faults.ts';

/** Second bytes of the markers that matter; the first is always 0xff. */
export const JPEG_MARKER = {
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  startOfScan: 0xda,
  /** APP1: Exif, and XMP under another signature. */
  exif: 0xe1,
  fill: 0xff,
} as const;

const FORMAT = 'JPEG';
const END_OF_IMAGE = Buffer.from([0xff, JPEG_MARKER.endOfImage]);
/** Precision, height, width and the number of components. */
const FRAME_BYTES = 6;

/** Start-of-frame markers: c0–cf without DHT (c4), JPG (c8) and DAC (cc). */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** Baseline, extended and progressive with Huffman coding: what every decoder reads. */
const isCommonFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xc2;

/** Markers without a body: none of them may come before the first scan. */
const standsAlone = (marker: number): boolean => marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9);

/**
 * Walks the segments before the first scan, then looks for the end marker behind it. Inside coded pixels 0xff is always
 * followed by 0x00 or a restart marker, so the first end marker after the scan began is the picture's own; thumbnails
 * lie in segments that were passed over by their length. The search runs at about 10 GB/s (0.25 ms for 3 MB).
 *
 * What follows the end marker is not judged: cameras append previews, other pictures (MPF) and padding there, and
 * decoders do not read it.
 */
export function* walkJpeg(rules: HeaderRules): HeaderWalk {
  rules.admit('image/jpeg');
  yield skip(2);
  const countPiece = createPieceCounter(FORMAT);
  let size: FrameSize | undefined;
  let orientation: number | undefined;
  for (;;) {
    const marker = yield* readMarker(countPiece);
    const bodyBytes = (yield take(2)).readUInt16BE(0) - 2;
    if (bodyBytes < 0) throw brokenImage(FORMAT, 'a segment claims an impossible length');
    if (isFrame(marker)) {
      if (size !== undefined) throw brokenImage(FORMAT, 'it has two frame headers');
      size = yield* readFrame(marker, bodyBytes, rules.pixelsMax);
    } else if (marker === JPEG_MARKER.exif) {
      const segment = yield take(bodyBytes);
      orientation ??= readJpegOrientation(segment);
    } else {
      yield skip(bodyBytes);
    }
    if (marker === JPEG_MARKER.startOfScan) {
      if (size === undefined) throw brokenImage(FORMAT, 'its pixels come before the header that gives their size');
      yield find(END_OF_IMAGE);
      return { mimeType: 'image/jpeg', ...size, orientation: orientation ?? 1 };
    }
  }
}

interface FrameSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Reads the next marker before the first scan; any number of fill bytes may precede it (T.81, B.1.1.2). */
function* readMarker(countPiece: () => void): ByteWalk<number> {
  if ((yield take(1))[0] !== 0xff) throw brokenImage(FORMAT, 'its segments do not follow one another');
  for (;;) {
    countPiece();
    const marker = (yield take(1)).readUInt8(0);
    if (marker === JPEG_MARKER.fill) continue;
    if (standsAlone(marker)) throw brokenImage(FORMAT, 'its picture is missing');
    return marker;
  }
}

function* readFrame(marker: number, bodyBytes: number, pixelsMax: number): ByteWalk<FrameSize> {
  if (!isCommonFrame(marker)) {
    throw unsupportedType(
      'The file is a lossless or arithmetic-coded JPEG. Set the camera or the station to ordinary JPEG.',
    );
  }
  if (bodyBytes < FRAME_BYTES) throw brokenImage(FORMAT, 'its frame header is too short');
  const frame = yield take(FRAME_BYTES);
  const widthPx = frame.readUInt16BE(3);
  const heightPx = frame.readUInt16BE(1);
  checkPixels(FORMAT, widthPx, heightPx, pixelsMax);
  yield skip(bodyBytes - FRAME_BYTES);
  return { widthPx, heightPx };
}

/** @returns nothing for a segment of the same kind that is not Exif (XMP). */
const readJpegOrientation = (segment: Buffer): number | undefined =>
  startsWith(segment, EXIF_SIGNATURE) ? readExifOrientation(segment) : undefined;
