import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import { IMAGE_MIME_TYPES } from '../../src/domain/images.ts';
import { createImageInspector, type InspectionRules } from '../../src/media/inspect-image.ts';
import {
  exifBlock,
  exifSegment,
  heicPhoto,
  isoBox,
  jpegClaim,
  jpegSegment,
  makeAnimation,
  makePhoto,
  PNG_START,
  pngChunk,
  pngClaim,
  pngHeader,
  riffChunk,
  webpCanvas,
  webpFile,
  withChunks,
  withSegments,
  withTail,
} from '../support/images.ts';

const RULES: InspectionRules = { declaredMimeType: '', acceptedMimeTypes: IMAGE_MIME_TYPES, pixelsMax: 110_000_000 };

/** The error of the pieces so far; `isWhole` says that the file ended there. */
function refusal(
  file: Buffer,
  { isWhole = true, ...rules }: Partial<InspectionRules> & { isWhole?: boolean } = {},
): DomainError {
  const inspector = createImageInspector({ ...RULES, ...rules });
  try {
    inspector.push(file);
    if (isWhole) inspector.end();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('The file was not refused.');
}

const early = { isWhole: false } as const;

describe('a picture with too many pixels', () => {
  it.each([
    ['a flat PNG', Buffer.concat([PNG_START, pngHeader(16_000, 16_000)]), 16_000, 16_000],
    ['a JPEG that claims 65,535² over nothing', jpegClaim(65_535, 65_535), 65_535, 65_535],
    ['a PNG that claims 65,535² over 64 bytes', pngClaim(65_535, 65_535), 65_535, 65_535],
    ['the largest WebP canvas', webpFile(webpCanvas(0, 2 ** 24, 2 ** 24)), 2 ** 24, 2 ** 24],
    [
      'a HEIC of tiles',
      heicPhoto({
        extents: [
          [512, 512],
          [40_000, 30_000],
        ],
      }),
      40_000,
      30_000,
    ],
  ])('is refused by its header alone: %s', (_, header, widthPx, heightPx) => {
    const { code, details } = refusal(header, early);
    expect(code).toBe('invalid_payload');
    expect(details).toEqual({ width_px: widthPx, height_px: heightPx, pixels_max: 110_000_000 });
  });

  it('is refused also when a tag says that it lies on its side', () => {
    const [start, rest] = [jpegClaim(0, 0).subarray(0, 2), jpegClaim(16_000, 16_000).subarray(2)];
    expect(refusal(Buffer.concat([start, exifSegment(exifBlock({ orientation: 6 })), rest]), early).code).toBe(
      'invalid_payload',
    );
  });

  it('has one pixel more than the limit', async () => {
    const photo = await makePhoto({ widthPx: 100, heightPx: 10 });
    expect(refusal(photo, { pixelsMax: 999 }).message).toContain('100 × 10');
    const inspector = createImageInspector({ ...RULES, pixelsMax: 1000 });
    inspector.push(photo);
    expect(inspector.end()).toMatchObject({ widthPx: 100, heightPx: 10 });
  });

  it('cannot hide behind a second, smaller header', () => {
    const double = Buffer.concat([jpegClaim(10, 10), jpegClaim(60_000, 60_000).subarray(2)]);
    expect(refusal(double, early).message).toContain('two frame headers');
  });

  it('cannot have a side of zero, which some readers take for "the rest"', () => {
    for (const claim of [jpegClaim(100, 0), jpegClaim(0, 100), pngClaim(0, 1)])
      expect(refusal(claim, early).code).toBe('invalid_payload');
  });
});

describe('an animation', () => {
  it.each(['gif', 'webp'] as const)('is not taken: %s', async (format) => {
    const { code, message } = refusal(await makeAnimation(format), early);
    expect([code, message]).toEqual(['unsupported_media_type', expect.stringContaining('animated')]);
  });

  it('is recognised by its header, before its 10,000 frames', () => {
    const frames = Buffer.alloc(8);
    frames.writeUInt32BE(10_000, 0);
    const animatedPng = Buffer.concat([PNG_START, pngHeader(10, 10), pngChunk('acTL', frames)]);
    const animatedWebp = webpFile(webpCanvas(0x02, 10, 10)).subarray(0, 30);
    for (const start of [animatedPng, animatedWebp, Buffer.from('GIF89a\x0a\0\x0a\0\0\0')]) {
      expect(refusal(start, early).code).toBe('unsupported_media_type');
    }
  });

  it('is found also where the WebP header denies it', () => {
    const hidden = webpFile(webpCanvas(0, 10, 10), riffChunk('ANMF', Buffer.alloc(40)));
    expect(refusal(hidden, early).message).toContain('animated WebP');
  });

  it('is a HEIC sequence, too', () => {
    for (const major of ['hevc', 'msf1'])
      expect(refusal(heicPhoto({ major, brands: ['hevc'] }), early).code).toBe('unsupported_media_type');
    expect(refusal(withTail(heicPhoto(), isoBox('moov', Buffer.alloc(8)))).message).toContain('animated');
  });
});

describe('what is no whole picture', () => {
  it.each([0, 1, 2, 11])('is refused: %i bytes', (sizeBytes) => {
    const { code, details } = refusal(jpegClaim(10, 10).subarray(0, sizeBytes));
    expect([code, details]).toEqual(['invalid_payload', { size_bytes: sizeBytes }]);
  });

  it('is refused wherever it was cut off', async () => {
    const wholes = [
      await makePhoto({ orientation: 6 }),
      await makePhoto({ progressive: true }),
      await makePhoto({ format: 'png', profile: 'p3' }),
      await makePhoto({ format: 'webp', hasAlpha: true, orientation: 3 }),
      heicPhoto(),
    ];
    for (const whole of wholes) {
      for (let sizeBytes = 12; sizeBytes < whole.length; sizeBytes += 1 + (sizeBytes >> 5)) {
        const { code } = refusal(whole.subarray(0, sizeBytes));
        expect([sizeBytes, code]).toEqual([sizeBytes, 'invalid_payload']);
      }
      expect(refusal(whole.subarray(0, -1)).code).toBe('invalid_payload');
    }
  });

  it('is refused when its parts do not fit together', async () => {
    const jpeg = await makePhoto();
    const png = await makePhoto({ format: 'png' });
    const webp = (await makePhoto({ format: 'webp' })).subarray(12);
    const broken = [
      withSegments(jpeg, jpegSegment(0xfe, ''), Buffer.from('no segment')),
      withSegments(jpeg, Buffer.from([0xff, 0xfe, 0, 1])),
      withSegments(jpeg, Buffer.from([0xff, 0xd9])),
      Buffer.concat([
        jpegClaim(8, 8).subarray(0, 20),
        jpegSegment(0xda, Buffer.alloc(6)),
        Buffer.from([1, 2, 0xff, 0xd9]),
      ]),
      Buffer.concat([PNG_START, pngChunk('IDAT', 'x'), pngHeader(8, 8), pngChunk('IEND')]),
      Buffer.concat([PNG_START, pngHeader(8, 8), pngChunk('IEND')]),
      withChunks(png, pngHeader(9, 9)),
      withTail(png, 'tail'),
      withTail(webpFile(webp), 'tail'),
      webpFile(webpCanvas(0, 64, 48)),
      webpFile(webpCanvas(0, 65, 48), webp),
      webpFile(riffChunk('VP8 ', Buffer.alloc(20))),
      heicPhoto({ extents: [] }),
      heicPhoto({ pixelBytes: 8 }).subarray(0, -16),
      withTail(heicPhoto(), Buffer.alloc(20, 1)),
    ];
    for (const [index, file] of broken.entries())
      expect([index, refusal(file).code]).toEqual([index, 'invalid_payload']);
  });

  it('is refused when it is made of more pieces than a camera writes', async () => {
    const empty = Buffer.alloc(70_000 * 12, pngChunk('prIv'));
    expect(refusal(withChunks(await makePhoto({ format: 'png' }), empty)).message).toContain('more pieces');
    expect(refusal(withSegments(await makePhoto(), Buffer.alloc(70_000, 0xff))).message).toContain('more pieces');
  });

  it('never fails with anything but a stated refusal, whatever bytes come', async () => {
    const starts = [
      (await makePhoto({ orientation: 6 })).subarray(0, 200),
      (await makePhoto({ format: 'png', orientation: 6 })).subarray(0, 100),
      (await makePhoto({ format: 'webp', orientation: 6 })).subarray(0, 100),
      heicPhoto({ pixelBytes: 8 }),
    ];
    const flips = fc.array(fc.tuple(fc.nat({ max: 199 }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...starts), flips, fc.uint8Array({ maxLength: 50 }), (start, changes, tail) => {
        const file = Buffer.concat([start, tail]);
        for (const [at, value] of changes) file[at % file.length] = value;
        const inspector = createImageInspector(RULES);
        try {
          inspector.push(file);
          const { widthPx, heightPx } = inspector.end();
          expect(widthPx * heightPx).toBeLessThanOrEqual(RULES.pixelsMax);
        } catch (error) {
          expect(error).toBeInstanceOf(DomainError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what is no picture of a taken type', () => {
  it.each([
    ['HTML', '<!doctype html><script>alert(1)</script>', 'text'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 'text'],
    ['HTML after a byte order mark', '\uFEFF<html></html>', 'text'],
    ['JSON', '{"error": "not found"}', 'text'],
    ['ZIP', 'PK\x03\x04\x14\0\0\0\x08\0\0\0', 'ZIP'],
    ['PDF', '%PDF-1.7\n%\xE2\xE3\xCF\xD3', 'PDF'],
    ['a RAW photo', 'II*\0\x10\0\0\0CR\x02\0', 'RAW'],
    ['nothing known', '\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c', 'no picture'],
  ])('is refused by its first bytes, whatever it is called: %s', (_, text, word) => {
    const { code, message, details } = refusal(Buffer.from(text), { ...early, declaredMimeType: 'image/jpeg' });
    expect([code, message]).toEqual(['unsupported_media_type', expect.stringContaining(word)]);
    expect(details).toEqual({ accepted: IMAGE_MIME_TYPES });
  });

  it('is a video or AVIF in the coat of HEIC', () => {
    for (const major of ['isom', 'mp42', 'qt  ', 'avif', 'crx ']) {
      expect(refusal(heicPhoto({ major, brands: [major] }), early).code).toBe('unsupported_media_type');
    }
    expect(refusal(heicPhoto({ major: 'mif1', brands: ['mif1', 'avif'] }), early).code).toBe('unsupported_media_type');
  });

  it('is a picture that was declared as something else', async () => {
    const jpeg = await makePhoto();
    for (const declaredMimeType of ['image/png', 'image/heic', 'text/html', 'image', 'x'.repeat(300)]) {
      const { code, details } = refusal(jpeg, { ...early, declaredMimeType });
      expect([code, details]).toEqual([
        'unsupported_media_type',
        { declared: declaredMimeType.slice(0, 64), found: 'image/jpeg' },
      ]);
    }
  });

  it('is HEIC where the provider cannot read it: the refusal says what can be sent', () => {
    const { code, message, details } = refusal(heicPhoto(), {
      ...early,
      acceptedMimeTypes: ['image/jpeg', 'image/png'],
    });
    expect(code).toBe('unsupported_media_type');
    expect(message).toBe('image/heic is not taken here. Send image/jpeg or image/png.');
    expect(details).toEqual({ found: 'image/heic', accepted: ['image/jpeg', 'image/png'] });
  });

  it('is a JPEG that hardly anything can decode', () => {
    const lossless = jpegClaim(10, 10);
    lossless[lossless.lastIndexOf(0xc0)] = 0xc3;
    expect(refusal(lossless, early).code).toBe('unsupported_media_type');
  });
});

describe('a file that is a picture and something else', () => {
  it.each([
    ['JPEG and ZIP', 'PK\x03\x04 and so on'],
    ['JPEG and HTML', '<html><script>alert(1)</script>'],
  ])('passes as the picture it is, and as nothing else: %s', async (_, tail) => {
    const inspector = createImageInspector(RULES);
    inspector.push(withTail(await makePhoto(), tail));
    expect(inspector.end().mimeType).toBe('image/jpeg');
  });

  it('is refused as the archive that begins with a GIF', () => {
    expect(refusal(Buffer.from('GIF89a\x01\0\x01\0\0\0\0;PK\x03\x04')).code).toBe('unsupported_media_type');
  });
});
