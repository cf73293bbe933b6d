import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ResultMimeType } from '../../src/domain/images.ts';
import { UnacceptableImageError } from '../../src/domain/unacceptable-image.ts';
import { stripMetadata } from '../../src/media/strip-metadata.ts';
import {
  decodePixels,
  exifBlock,
  exifSegment,
  jpegSegment,
  makeAnimation,
  makePhoto,
  type PhotoOptions,
  pngChunk,
  riffChunk,
  webpCanvas,
  webpFile,
  withChunks,
  withSegments,
  withTail,
} from '../support/images.ts';

const SECRET = 'GPS 51.50074 N 0.12463 W';
const FORMATS = ['jpeg', 'png', 'webp'] as const;

const strip = (file: Buffer, format: (typeof FORMATS)[number]): Buffer =>
  Buffer.concat(stripMetadata(file, `image/${format}`));

/** Everything a JPEG can carry the secret in. */
const JPEG_CARRIERS: Readonly<Record<string, Buffer>> = {
  Exif: exifSegment(exifBlock({ text: SECRET })),
  XMP: jpegSegment(0xe1, `http://ns.adobe.com/xap/1.0/\0<x>${SECRET}</x>`),
  'MPF index': jpegSegment(0xe2, `MPF\0${SECRET}`),
  'FlashPix beside ICC': jpegSegment(0xe2, `FPXR\0${SECRET}`),
  C2PA: jpegSegment(0xeb, `JP\0\x01${SECRET}`),
  IPTC: jpegSegment(0xed, `Photoshop 3.0\0${SECRET}`),
  'private segment': jpegSegment(0xef, SECRET),
  'unknown segment': jpegSegment(0xf0, SECRET),
  comment: jpegSegment(0xfe, SECRET),
  'second kind of JFIF': jpegSegment(0xe0, `JFXX\0\x10${SECRET}`),
  'thumbnail in JFIF': jpegSegment(0xe0, `JFIF\0\x01\x01\0\0\x01\0\x01\x02\x04${SECRET}`),
  'something after Adobe': jpegSegment(0xee, `Adobe\0\x64\0\0\0\0\x01${SECRET}`),
};

describe.each(FORMATS)('stripping a %s', (format) => {
  const variant = fc.record({
    widthPx: fc.integer({ min: 1, max: 90 }),
    heightPx: fc.integer({ min: 1, max: 90 }),
    progressive: fc.boolean(),
    hasAlpha: fc.boolean(),
    profile: fc.constantFrom('p3', 'srgb', undefined),
  });

  it('never changes a pixel or the colour profile, and leaves no Exif and no XMP', async () => {
    await fc.assert(
      fc.asyncProperty(variant, async ({ profile, ...shape }) => {
        const options: PhotoOptions = profile === undefined ? shape : { ...shape, profile };
        const bare = await makePhoto({ format, ...options });
        const file = await sharp(bare)
          .keepMetadata()
          .withExifMerge({ IFD3: { GPSLatitude: '51/1 30/1 2/1' } })
          .withXmp(`<x>${SECRET}</x>`)
          .toBuffer();
        const stripped = strip(file, format);
        expect((await decodePixels(stripped)).equals(await decodePixels(file))).toBe(true);
        const [before, after] = [await sharp(file).metadata(), await sharp(stripped).metadata()];
        expect([before.exif, before.xmp]).not.toContain(undefined);
        expect([after.exif, after.xmp]).toEqual([undefined, undefined]);
        expect(after.icc).toEqual(before.icc);
        expect(stripped.includes(SECRET)).toBe(false);
      }),
      { numRuns: 15 },
    );
  });

  it('changes nothing in a file that is bare already', async () => {
    const bare = strip(await makePhoto({ format }), format);
    expect(strip(bare, format)).toEqual(bare);
  });

  it('drops what follows the end', async () => {
    const bare = strip(await makePhoto({ format }), format);
    expect(strip(withTail(bare, `<html>${SECRET}`), format)).toEqual(bare);
  });

  it('gives views of the file, not copies of it', async () => {
    const file = await makePhoto({ format, widthPx: 400, heightPx: 300, profile: 'p3', orientation: 1 });
    const parts = stripMetadata(file, `image/${format}`);
    const copied = parts.filter((part) => part.buffer !== file.buffer).reduce((sum, part) => sum + part.length, 0);
    expect(copied).toBeLessThanOrEqual(30);
  });

  it('ends with a stated refusal for a file that was cut anywhere', async () => {
    const whole = await makePhoto({ format, profile: 'p3', orientation: 6, hasAlpha: true });
    for (let sizeBytes = 0; sizeBytes < whole.length; sizeBytes += 1 + (sizeBytes >> 6)) {
      expect(() => stripMetadata(whole.subarray(0, sizeBytes), `image/${format}`)).toThrow(UnacceptableImageError);
    }
  });

  it('ends, with a picture or a stated refusal, whatever the bytes are', async () => {
    const whole = await makePhoto({ format, profile: 'p3', orientation: 6 });
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.nat({ max: whole.length }), (flips, cut) => {
        const file = Buffer.from(whole.subarray(0, cut));
        for (const [at, value] of flips) if (file.length > 0) file[at % file.length] = value;
        try {
          const sizeBytes = stripMetadata(file, `image/${format}`).reduce((sum, part) => sum + part.length, 0);
          expect(sizeBytes).toBeLessThanOrEqual(file.length + 12);
        } catch (error) {
          expect(error).toBeInstanceOf(UnacceptableImageError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a file of another type', async () => {
    for (const other of FORMATS.filter((name) => name !== format)) {
      const mimeType: ResultMimeType = `image/${other}`;
      const file = await makePhoto({ format });
      expect(() => stripMetadata(file, mimeType)).toThrow(UnacceptableImageError);
    }
  });
});

describe('what a JPEG carries besides its picture', () => {
  it.each(Object.keys(JPEG_CARRIERS))('is gone, and the pixels are the same: %s', async (name) => {
    const photo = await makePhoto();
    const loaded = withSegments(photo, JPEG_CARRIERS[name] ?? Buffer.alloc(0));
    expect(loaded.includes(SECRET)).toBe(true);
    const stripped = strip(loaded, 'jpeg');
    expect(stripped.includes(SECRET)).toBe(false);
    expect((await decodePixels(stripped)).equals(await decodePixels(photo))).toBe(true);
  });

  it('is gone also from between the scans of a progressive picture', async () => {
    const photo = await makePhoto({ progressive: true });
    const secondScan = photo.lastIndexOf(Buffer.from([0xff, 0xc4]));
    const loaded = Buffer.concat([
      photo.subarray(0, secondScan),
      jpegSegment(0xfe, SECRET),
      photo.subarray(secondScan),
    ]);
    expect(strip(loaded, 'jpeg')).toEqual(strip(photo, 'jpeg'));
  });

  it('keeps the segment by which a decoder knows the colours', async () => {
    const cmyk = await sharp(await makePhoto())
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    expect(cmyk.includes('Adobe')).toBe(true);
    expect((await decodePixels(strip(cmyk, 'jpeg'))).equals(await decodePixels(cmyk))).toBe(true);
  });
});

describe('what a PNG carries besides its picture', () => {
  it.each(['tEXt', 'zTXt', 'iTXt', 'eXIf', 'tIME', 'caBX', 'prVt'])('is gone: %s', async (type) => {
    const photo = await makePhoto({ format: 'png' });
    expect(strip(withChunks(photo, pngChunk(type, SECRET)), 'png')).toEqual(strip(photo, 'png'));
  });

  it.each(['gAMA', 'cHRM', 'sRGB', 'iCCP', 'pHYs', 'tRNS'])(
    'is kept where it says how the pixels look: %s',
    async (type) => {
      const loaded = withChunks(await makePhoto({ format: 'png' }), pngChunk(type, SECRET));
      expect(strip(loaded, 'png').includes(SECRET)).toBe(true);
    },
  );
});

describe('what a WebP carries besides its picture', () => {
  it('is gone, and the header does not promise it any more', async () => {
    const picture = (await makePhoto({ format: 'webp' })).subarray(12);
    const carriers = ['EXIF', 'XMP ', 'C2PA'].map((type) => riffChunk(type, Buffer.from(SECRET)));
    const stripped = strip(webpFile(webpCanvas(0x0c, 64, 48), picture, ...carriers), 'webp');
    expect(stripped).toEqual(webpFile(webpCanvas(0, 64, 48), picture));
  });

  it('is no second picture either', async () => {
    const picture = (await makePhoto({ format: 'webp' })).subarray(12);
    const second = riffChunk('VP8 ', Buffer.from(SECRET));
    expect(strip(webpFile(webpCanvas(0, 64, 48), picture, second), 'webp')).toEqual(
      webpFile(webpCanvas(0, 64, 48), picture),
    );
  });

  it('is refused when it is an animation, which has no single picture', async () => {
    const animation = await makeAnimation('webp');
    expect(() => stripMetadata(animation, 'image/webp')).toThrow('animated');
  });
});
