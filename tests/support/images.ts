/**
 * Pictures for tests, made in code: whole ones by sharp, and the parts of files by hand, so that tests can build
 * hostile ones.
 */
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

export type PhotoFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

export interface PhotoOptions {
  readonly format?: PhotoFormat;
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly orientation?: number;
  readonly progressive?: boolean;
  /** Kept as an ICC profile in the file. */
  readonly profile?: 'srgb' | 'p3';
  readonly hasAlpha?: boolean;
}

/** Pixels that look like a photo to a codec: a slope with grain, the same at every run. */
export function grainyPixels(widthPx: number, heightPx: number, channels: 3 | 4 = 3): Sharp {
  const pixels = Buffer.alloc(widthPx * heightPx * channels);
  let grain = 1;
  for (let at = 0; at < pixels.length; at++) {
    grain = (Math.imul(grain, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    pixels[at] = ((at / channels) % widthPx) * (160 / widthPx) + ((grain >>> 16) & 63);
  }
  return sharp(pixels, { raw: { width: widthPx, height: heightPx, channels } });
}

/** A whole, lawful picture; it gets brighter from left to right. */
export async function makePhoto(options: PhotoOptions = {}): Promise<Buffer> {
  const {
    format = 'jpeg',
    widthPx = 64,
    heightPx = 48,
    orientation,
    progressive = false,
    profile,
    hasAlpha = false,
  } = options;
  let picture = grainyPixels(widthPx, heightPx, hasAlpha ? 4 : 3);
  if (profile !== undefined) picture = picture.withIccProfile(profile);
  if (orientation !== undefined) picture = picture.withMetadata({ orientation });
  switch (format) {
    case 'jpeg':
      return picture.jpeg({ progressive }).toBuffer();
    case 'png':
      return picture.png().toBuffer();
    case 'webp':
      return picture.webp({ effort: 0 }).toBuffer();
    case 'gif':
      return picture.gif({ effort: 1 }).toBuffer();
    case 'tiff':
      return picture.tiff().toBuffer();
    case 'avif':
      return picture.avif({ effort: 0 }).toBuffer();
  }
}

/** Several frames in one file. */
export async function makeAnimation(format: 'gif' | 'webp', frames = 3): Promise<Buffer> {
  const pictures = await Promise.all(
    Array.from({ length: frames }, (_, index) =>
      grainyPixels(16 + index, 16)
        .resize(16, 16)
        .png()
        .toBuffer(),
    ),
  );
  const animation = sharp(pictures, { join: { animated: true } });
  return format === 'gif' ? animation.gif({ effort: 1 }).toBuffer() : animation.webp({ effort: 0 }).toBuffer();
}

/** The decoded pixels of a file, for comparing. */
export function decodePixels(file: Buffer): Promise<Buffer> {
  return sharp(file).raw().toBuffer();
}

/** An Exif block (TIFF) with an orientation and, where GPS would be, a text to be found again. */
export function exifBlock({ orientation = 1, text = '', bigEndian = false } = {}): Buffer {
  const block = Buffer.alloc(8 + 2 + 12 + 4);
  const short = (value: number, at: number): unknown =>
    bigEndian ? block.writeUInt16BE(value, at) : block.writeUInt16LE(value, at);
  const long = (value: number, at: number): unknown =>
    bigEndian ? block.writeUInt32BE(value, at) : block.writeUInt32LE(value, at);
  block.write(bigEndian ? 'MM' : 'II', 'latin1');
  short(42, 2);
  long(8, 4);
  short(1, 8);
  short(0x0112, 10);
  short(3, 12);
  long(1, 14);
  short(orientation, 18);
  return Buffer.concat([block, Buffer.from(text)]);
}

/** A JPEG segment with its marker and length. */
export function jpegSegment(marker: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(bytes.length + 2, 2);
  return Buffer.concat([head, bytes]);
}

/** An Exif segment. */
export const exifSegment = (block: Buffer): Buffer =>
  jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), block]));

/** The JPEG with more segments right after its beginning. */
export const withSegments = (jpeg: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

/** The start of a JPEG that claims a size; a frame header and nothing to go with it. */
export function jpegClaim(widthPx: number, heightPx: number): Buffer {
  const frame = Buffer.from([8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(heightPx, 1);
  frame.writeUInt16BE(widthPx, 3);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    jpegSegment(0xe0, 'JFIF\0\x01\x01\0\0\x01\0\x01\0\0'),
    jpegSegment(0xc0, frame),
  ]);
}

/** A PNG chunk with its length and checksum. */
export function pngChunk(type: string, body: Buffer | string = ''): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(body)]);
  const chunk = Buffer.alloc(typed.length + 8);
  chunk.writeUInt32BE(typed.length - 4, 0);
  typed.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(typed), typed.length + 4);
  return chunk;
}

export const PNG_START = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The header chunk of a grey PNG of any claimed size. */
export function pngHeader(widthPx: number, heightPx: number): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  header.writeUInt32BE(widthPx, 0);
  header.writeUInt32BE(heightPx, 4);
  return pngChunk('IHDR', header);
}

/** A PNG that claims a size over a few bytes of pixels: its structure is lawful. */
export const pngClaim = (widthPx: number, heightPx: number): Buffer =>
  Buffer.concat([
    PNG_START,
    pngHeader(widthPx, heightPx),
    pngChunk('IDAT', deflateSync(Buffer.alloc(64))),
    pngChunk('IEND'),
  ]);

/** The PNG with more chunks right after its header. */
export const withChunks = (png: Buffer, ...chunks: Buffer[]): Buffer =>
  Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);

/** A RIFF chunk, padded to an even length. */
export function riffChunk(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

/** A WebP file of these chunks. */
export function webpFile(...chunks: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks]);
  const head = Buffer.from('RIFF\0\0\0\0');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

/** The header chunk of an extended WebP. */
export function webpCanvas(flags: number, widthPx: number, heightPx: number): Buffer {
  const body = Buffer.alloc(10);
  body.writeUInt8(flags, 0);
  body.writeUIntLE(widthPx - 1, 4, 3);
  body.writeUIntLE(heightPx - 1, 7, 3);
  return riffChunk('VP8X', body);
}

/** An ISO base media box. */
export function isoBox(type: string, ...body: Buffer[]): Buffer {
  const whole = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), ...body]);
  whole.writeUInt32BE(whole.length, 0);
  return whole;
}

export interface HeicOptions {
  readonly major?: string;
  readonly brands?: readonly string[];
  readonly extents?: readonly (readonly [widthPx: number, heightPx: number])[];
  readonly pixelBytes?: number;
}

/** The boxes of a HEIC photo; its coded pixels are noise, as nothing here decodes them. */
export function heicPhoto(options: HeicOptions = {}): Buffer {
  const {
    major = 'heic',
    brands = ['mif1', 'heic'],
    extents = [
      [512, 512],
      [4032, 3024],
    ],
    pixelBytes = 1000,
  } = options;
  const flags = Buffer.alloc(4);
  const sizes = extents.map(([widthPx, heightPx]) => {
    const sides = Buffer.alloc(8);
    sides.writeUInt32BE(widthPx, 0);
    sides.writeUInt32BE(heightPx, 4);
    return isoBox('ispe', flags, sides);
  });
  const properties = isoBox(
    'iprp',
    isoBox('ipco', isoBox('hvcC', Buffer.alloc(30)), ...sizes),
    isoBox('ipma', Buffer.alloc(12)),
  );
  return Buffer.concat([
    isoBox('ftyp', Buffer.from(major), Buffer.alloc(4), Buffer.from(brands.join(''))),
    isoBox('meta', flags, isoBox('hdlr', Buffer.alloc(25)), isoBox('pitm', Buffer.alloc(6)), properties),
    isoBox('mdat', Buffer.alloc(pixelBytes, 0x5a)),
  ]);
}

/** The file with other bytes behind its end: a picture that is something else as well. */
export const withTail = (file: Buffer, tail: Buffer | string): Buffer => Buffer.concat([file, Buffer.from(tail)]);
