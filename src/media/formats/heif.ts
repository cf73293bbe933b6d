/**
 * HEIC and HEIF by their boxes. ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (brands, item properties). Nothing here
 * decodes these pictures, so the walk only answers how large one may become.
 */
import type { ImageMimeType } from '../../domain/images.ts';
import { type ByteWalk, MORE, REST, skip, take } from './byte-feeder.ts';
import { createPieceCounter, type HeaderRules, type HeaderWalk } from './header-walk.ts';
import { animatedImage, brokenImage, checkPixels, unsupportedType } from './image-faults.ts';

const FORMAT = 'HEIC';

/** Brands of still pictures coded with HEVC, and of sequences of them. */
const HEIC_BRANDS = new Set(['heic', 'heix', 'heim', 'heis']);
const SEQUENCE_BRANDS = new Set(['hevc', 'hevx', 'hevm', 'hevs', 'msf1', 'avis']);
const FILE_TYPE_BYTES_MAX = 4096;
const BOX_BYTES_MAX = 2 ** 48;
const VERSION_AND_FLAGS_BYTES = 4;
/** Version and flags, width, height. */
const EXTENT_BYTES = VERSION_AND_FLAGS_BYTES + 8;

interface Box {
  readonly type: string;
  readonly headBytes: number;
  /** Of the body; `Infinity` for a box that goes on to the end of the file. */
  readonly bodyBytes: number;
}

interface Survey {
  readonly pixelsMax: number;
  readonly countPiece: () => void;
  /** The largest spatial extent (`ispe`) of any item: of a photo cut into tiles it is that of the whole. */
  largest: { readonly widthPx: number; readonly heightPx: number } | undefined;
}

/**
 * Walks all boxes; the file must end where its last box does. Every spatial extent in the item properties is held
 * against the limit. A file without any is refused: its size could not be bounded.
 */
export function* walkHeif(rules: HeaderRules): HeaderWalk {
  const mimeType = yield* readFileType();
  rules.admit(mimeType);
  const survey: Survey = { pixelsMax: rules.pixelsMax, countPiece: createPieceCounter(FORMAT), largest: undefined };
  let hasPixels = false;
  while ((yield MORE).length > 0) {
    const box = yield* readBoxHead(survey, Number.POSITIVE_INFINITY);
    if (box.type === 'mdat') hasPixels = true;
    if (box.type === 'moov') throw animatedImage(FORMAT);
    if (box.bodyBytes === Number.POSITIVE_INFINITY) yield REST;
    else if (box.type === 'meta') yield* walkMeta(box.bodyBytes, survey);
    else yield skip(box.bodyBytes);
  }
  if (survey.largest === undefined) throw brokenImage(FORMAT, 'nothing in it says how large its picture is');
  if (!hasPixels) throw brokenImage(FORMAT, 'it has no pixels');
  return { mimeType, ...survey.largest, orientation: 1 };
}

function* readFileType(): ByteWalk<ImageMimeType> {
  const sizeBytes = (yield take(8)).readUInt32BE(0);
  if (sizeBytes < 16 || sizeBytes > FILE_TYPE_BYTES_MAX) throw brokenImage(FORMAT, 'its file type box is not possible');
  const body = yield take(sizeBytes - 8);
  const brandAt = (at: number): string => body.toString('latin1', at, at + 4);
  const major = brandAt(0);
  if (SEQUENCE_BRANDS.has(major)) throw animatedImage(FORMAT);
  const brands = new Set([major]);
  for (let at = 8; at + 4 <= body.length; at += 4) brands.add(brandAt(at));
  if (brands.has('avif')) throw unsupportedType('The file is an AVIF picture. Send JPEG, PNG or WebP.');
  return [...HEIC_BRANDS].some((brand) => brands.has(brand)) ? 'image/heic' : 'image/heif';
}

/** @param roomBytes what is left of the box around it. */
function* readBoxHead(survey: Survey, roomBytes: number): ByteWalk<Box> {
  survey.countPiece();
  const head = yield take(8);
  const claimed = head.readUInt32BE(0);
  const type = head.toString('latin1', 4);
  if (claimed === 0 && roomBytes === Number.POSITIVE_INFINITY)
    return { type, headBytes: 8, bodyBytes: Number.POSITIVE_INFINITY };
  const headBytes = claimed === 1 ? 16 : 8;
  const sizeBytes = claimed === 1 ? Number((yield take(8)).readBigUInt64BE(0)) : claimed;
  if (sizeBytes < headBytes || sizeBytes > Math.min(roomBytes, BOX_BYTES_MAX)) {
    throw brokenImage(FORMAT, 'a box in it claims an impossible length');
  }
  return { type, headBytes, bodyBytes: sizeBytes - headBytes };
}

/** Where the spatial extents lie: `meta` → `iprp` → `ipco` → `ispe`. Everything beside this path is passed over. */
const PATH_TO_EXTENTS = ['iprp', 'ipco'] as const;

function* walkMeta(bodyBytes: number, survey: Survey): ByteWalk<void> {
  if (bodyBytes < VERSION_AND_FLAGS_BYTES) throw brokenImage(FORMAT, 'a box in it claims an impossible length');
  yield skip(VERSION_AND_FLAGS_BYTES);
  yield* walkChildren(bodyBytes - VERSION_AND_FLAGS_BYTES, survey, PATH_TO_EXTENTS);
}

/** @param path the boxes to enter from here on; at its end the extents are read. */
function* walkChildren(bodyBytes: number, survey: Survey, path: readonly string[]): ByteWalk<void> {
  let left = bodyBytes;
  while (left > 0) {
    const box = yield* readBoxHead(survey, left);
    left -= box.headBytes + box.bodyBytes;
    if (path.length > 0 && box.type === path[0]) yield* walkChildren(box.bodyBytes, survey, path.slice(1));
    else if (path.length === 0 && box.type === 'ispe') yield* readExtent(box.bodyBytes, survey);
    else yield skip(box.bodyBytes);
  }
}

function* readExtent(bodyBytes: number, survey: Survey): ByteWalk<void> {
  if (bodyBytes < EXTENT_BYTES) throw brokenImage(FORMAT, 'a size in it is cut off');
  const extent = yield take(EXTENT_BYTES);
  const widthPx = extent.readUInt32BE(VERSION_AND_FLAGS_BYTES);
  const heightPx = extent.readUInt32BE(VERSION_AND_FLAGS_BYTES + 4);
  checkPixels(FORMAT, widthPx, heightPx, survey.pixelsMax);
  const { largest } = survey;
  if (largest === undefined || widthPx * heightPx > largest.widthPx * largest.heightPx)
    survey.largest = { widthPx, heightPx };
  yield skip(bodyBytes - EXTENT_BYTES);
}
