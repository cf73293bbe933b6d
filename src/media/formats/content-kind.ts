/** What a file is, by its first bytes alone. Names and declared types are hearsay. */
import { startsWith } from './exif.ts';
import { PNG_SIGNATURE } from './png.ts';

/** How many bytes {@link contentKind} wants to see. */
export const KIND_BYTES = 12;

/**
 * Kinds of content that are told apart, so that a refusal can say what was sent. `heif` still has to say which of its
 * brands.
 */
export type ContentKind =
  | 'jpeg'
  | 'png'
  | 'webp'
  | 'heif'
  | 'gif'
  | 'tiff'
  | 'avif'
  | 'bmp'
  | 'raw'
  | 'video'
  | 'zip'
  | 'pdf'
  | 'text'
  | 'unknown';

/** A kind in the words of a message: "The file is …". */
export const KIND_WORDS = {
  jpeg: 'a JPEG picture',
  png: 'a PNG picture',
  webp: 'a WebP picture',
  heif: 'a HEIC or HEIF picture',
  gif: 'a GIF',
  tiff: 'a TIFF or a RAW photo',
  avif: 'an AVIF picture',
  bmp: 'a BMP',
  raw: 'a RAW photo',
  video: 'a video',
  zip: 'a ZIP archive',
  pdf: 'a PDF',
  text: 'text (HTML, SVG, JSON or the like)',
  unknown: 'no picture of a known type',
} as const satisfies Record<ContentKind, string>;

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

const SIGNATURES: readonly (readonly [ContentKind, Buffer])[] = [
  ['jpeg', Buffer.from([0xff, 0xd8, 0xff])],
  ['png', PNG_SIGNATURE],
  ['gif', latin1('GIF8')],
  ['tiff', latin1('II*\0')],
  ['tiff', latin1('MM\0*')],
  ['bmp', latin1('BM')],
  ['raw', latin1('FUJIFILM')],
  ['zip', latin1('PK\x03\x04')],
  ['zip', latin1('PK\x05\x06')],
  ['pdf', latin1('%PDF')],
];

/** Major brands of ISO base media files; any other is a video. */
const BRANDS: Readonly<Record<string, ContentKind>> = {
  avif: 'avif',
  avis: 'avif',
  'crx ': 'raw',
  heic: 'heif',
  heix: 'heif',
  heim: 'heif',
  heis: 'heif',
  hevc: 'heif',
  hevx: 'heif',
  hevm: 'heif',
  hevs: 'heif',
  mif1: 'heif',
  mif2: 'heif',
  msf1: 'heif',
};

/** @param start the first {@link KIND_BYTES} bytes of the file, or all of a shorter one. */
export function contentKind(start: Buffer): ContentKind {
  const known = SIGNATURES.find(([, signature]) => startsWith(start, signature));
  if (known !== undefined) return known[0];
  const at = (from: number): string => start.toString('latin1', from, from + 4);
  if (at(0) === 'RIFF') return at(8) === 'WEBP' ? 'webp' : 'video';
  if (at(4) === 'ftyp') return BRANDS[at(8)] ?? 'video';
  return isText(start) ? 'text' : 'unknown';
}

/** Letters, signs and white space only, after a byte order mark if there is one. */
function isText(start: Buffer): boolean {
  const text = startsWith(start, Buffer.from([0xef, 0xbb, 0xbf])) ? start.subarray(3) : start;
  return text.length > 0 && text.every((byte) => (byte >= 0x20 && byte <= 0x7e) || (byte >= 0x09 && byte <= 0x0d));
}
