/** PNG by its chunks. W3C PNG (third edition), which took in APNG and eXIf. */
import { MORE, skip, TAKE_BYTES_MAX, take } from './byte-feeder.ts';
import { readExifOrientation } from './exif.ts';
import { createPieceCounter, type HeaderRules, type HeaderWalk } from './header-walk.ts';
import { animatedImage, brokenImage, checkPixels } from './image-faults.ts';

/** The first eight bytes of every PNG. */
export const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Length and type before a chunk's body, and the checksum after it. */
export const PNG_CHUNK = { headBytes: 8, checksumBytes: 4, bodyBytesMax: 0x7fff_ffff } as const;

const FORMAT = 'PNG';
const HEADER_BYTES = 13;
const CHUNK_TYPE = /^[A-Za-z]{4}$/;

/**
 * Walks the whole chunk list: the header comes first, pixels are there, the end chunk is there and nothing follows it.
 * Checksums are not computed: whoever decodes the picture does that.
 */
export function* walkPng(rules: HeaderRules): HeaderWalk {
  rules.admit('image/png');
  yield skip(PNG_SIGNATURE.length);
  const countPiece = createPieceCounter(FORMAT);
  const header = yield take(PNG_CHUNK.headBytes + HEADER_BYTES + PNG_CHUNK.checksumBytes);
  if (header.readUInt32BE(0) !== HEADER_BYTES || header.toString('latin1', 4, 8) !== 'IHDR') {
    throw brokenImage(FORMAT, 'it does not begin with its header');
  }
  const widthPx = header.readUInt32BE(8);
  const heightPx = header.readUInt32BE(12);
  checkPixels(FORMAT, widthPx, heightPx, rules.pixelsMax);
  let orientation: number | undefined;
  let hasPixels = false;
  for (;;) {
    countPiece();
    const head = yield take(PNG_CHUNK.headBytes);
    const bodyBytes = head.readUInt32BE(0);
    const type = head.toString('latin1', 4);
    if (bodyBytes > PNG_CHUNK.bodyBytesMax || !CHUNK_TYPE.test(type) || type === 'IHDR') {
      throw brokenImage(FORMAT, 'its chunks do not follow one another');
    }
    let passed = 0;
    if (type === 'acTL') throw animatedImage('PNG');
    if (type === 'IDAT') hasPixels = true;
    if (type === 'eXIf' && orientation === undefined) {
      const block = yield take(Math.min(bodyBytes, TAKE_BYTES_MAX));
      orientation = readExifOrientation(block);
      passed = block.length;
    }
    yield skip(bodyBytes - passed + PNG_CHUNK.checksumBytes);
    if (type === 'IEND') break;
  }
  if (!hasPixels) throw brokenImage(FORMAT, 'it has no pixels');
  if ((yield MORE).length > 0) throw brokenImage(FORMAT, 'other bytes follow its end');
  return { mimeType: 'image/png', widthPx, heightPx, orientation: orientation ?? 1 };
}
