import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMAGE_MIME_TYPES } from '../../src/domain/images.ts';
import { createImageInspector, type InspectionRules } from '../../src/media/inspect-image.ts';
import {
  exifBlock,
  exifSegment,
  heicPhoto,
  jpegSegment,
  makePhoto,
  pngChunk,
  riffChunk,
  webpCanvas,
  webpFile,
  withChunks,
  withSegments,
  withTail,
} from '../support/images.ts';

const RULES: InspectionRules = { declaredMimeType: '', acceptedMimeTypes: IMAGE_MIME_TYPES, pixelsMax: 110_000_000 };

function inspect(file: Buffer, rules: Partial<InspectionRules> = {}, chunkBytes: readonly number[] = [65_536]) {
  const inspector = createImageInspector({ ...RULES, ...rules });
  for (let at = 0, turn = 0; at < file.length; turn++) {
    const end = at + (chunkBytes[turn % chunkBytes.length] ?? 1);
    inspector.push(file.subarray(at, end));
    at = end;
  }
  return inspector.end();
}

const size = { widthPx: 64, heightPx: 48 };

describe('an inspected picture', () => {
  it.each([
    ['a JPEG', { format: 'jpeg' }, 'image/jpeg'],
    ['a progressive JPEG', { format: 'jpeg', progressive: true }, 'image/jpeg'],
    ['a JPEG with a profile', { format: 'jpeg', profile: 'p3' }, 'image/jpeg'],
    ['a PNG', { format: 'png' }, 'image/png'],
    ['a PNG with transparency', { format: 'png', hasAlpha: true }, 'image/png'],
    ['a WebP', { format: 'webp' }, 'image/webp'],
    ['a WebP with transparency and a profile', { format: 'webp', hasAlpha: true, profile: 'p3' }, 'image/webp'],
  ] as const)('says what it is: %s', async (_, options, mimeType) => {
    expect(inspect(await makePhoto({ ...options, ...size }))).toEqual({ mimeType, ...size, orientation: 1 });
  });

  it('says which way up it is', async () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      for (const format of ['jpeg', 'png', 'webp'] as const) {
        expect(inspect(await makePhoto({ format, orientation })).orientation).toBe(orientation);
      }
    }
  });

  it('is as large as the largest picture in a HEIC file', () => {
    expect(inspect(heicPhoto())).toEqual({ mimeType: 'image/heic', widthPx: 4032, heightPx: 3024, orientation: 1 });
  });

  it('is HEIF when no HEIC brand is among its brands', () => {
    expect(inspect(heicPhoto({ major: 'mif1', brands: ['mif1', 'jpeg'] })).mimeType).toBe('image/heif');
    expect(inspect(heicPhoto({ major: 'mif1', brands: ['mif1', 'heic'] })).mimeType).toBe('image/heic');
  });

  it('has the same facts however its bytes are cut on their way', async () => {
    const files = [
      await makePhoto({ orientation: 6, profile: 'p3' }),
      await makePhoto({ format: 'png', orientation: 3 }),
      await makePhoto({ format: 'webp', orientation: 8, hasAlpha: true }),
      heicPhoto(),
    ];
    const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom(...files), cuts, (file, chunkBytes) => {
        expect(inspect(file, {}, chunkBytes)).toEqual(inspect(file));
      }),
      { numRuns: 200 },
    );
  });
});

describe('orientation', () => {
  it('is read in both byte orders', async () => {
    const jpeg = await makePhoto();
    expect(inspect(withSegments(jpeg, exifSegment(exifBlock({ orientation: 6, bigEndian: true })))).orientation).toBe(
      6,
    );
    expect(inspect(withSegments(jpeg, exifSegment(exifBlock({ orientation: 6 })))).orientation).toBe(6);
  });

  it('is that of the first Exif block, whatever follows it', async () => {
    const segments = [
      exifSegment(exifBlock({ orientation: 3 })),
      exifSegment(exifBlock({ orientation: 8 })),
      jpegSegment(0xe1, 'http://ns.'),
    ];
    expect(inspect(withSegments(await makePhoto(), ...segments))).toMatchObject({ ...size, orientation: 3 });
  });

  it('is upright when the tag is nonsense, so that no photo is lost to it', async () => {
    const jpeg = await makePhoto();
    const blocks = [
      exifBlock({ orientation: 9 }),
      exifBlock({ orientation: 0 }),
      Buffer.from('II*\0\xff\xff\xff\xff', 'latin1'),
    ];
    for (const block of [...blocks, exifBlock().subarray(0, 15), Buffer.alloc(0), Buffer.from('no Exif at all')]) {
      expect(inspect(withSegments(jpeg, exifSegment(block))).orientation).toBe(1);
    }
  });

  it('is never more than a number from 1 to 8, whatever the block holds', async () => {
    const png = await makePhoto({ format: 'png' });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom('II*\0\x08\0\0\0', 'MM\0*\0\0\0\x08', ''),
        (noise, head) => {
          const block = Buffer.concat([Buffer.from(head, 'latin1'), noise]);
          expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(inspect(withChunks(png, pngChunk('eXIf', block))).orientation);
        },
      ),
    );
  });

  it('is found in a WebP with and without the signature that some programs put before it', async () => {
    const picture = (await makePhoto({ format: 'webp' })).subarray(12);
    for (const prefix of ['', 'Exif\0\0']) {
      const exif = riffChunk('EXIF', Buffer.concat([Buffer.from(prefix), exifBlock({ orientation: 6 })]));
      expect(inspect(webpFile(webpCanvas(0x08, 64, 48), picture, exif)).orientation).toBe(6);
    }
  });
});

describe('what cameras and programs add', () => {
  it('is passed over by its length, however much it is', async () => {
    const jpeg = await makePhoto();
    const profile = Array.from({ length: 255 }, () => jpegSegment(0xe2, Buffer.alloc(65_533, 'ICC_PROFILE\0')));
    expect(inspect(withSegments(jpeg, ...profile))).toMatchObject(size);
    const png = await makePhoto({ format: 'png' });
    expect(
      inspect(withChunks(png, pngChunk('iCCP', Buffer.alloc(5_000_000)), pngChunk('eXIf', Buffer.alloc(1_000_000)))),
    ).toMatchObject(size);
  });

  it('does not hide the end of a JPEG: previews inside, other pictures and padding behind', async () => {
    const jpeg = await makePhoto();
    const preview = await makePhoto({ widthPx: 16, heightPx: 12 });
    expect(inspect(withTail(withSegments(jpeg, jpegSegment(0xe1, preview)), Buffer.alloc(300)))).toMatchObject(size);
    expect(inspect(withTail(jpeg, preview))).toMatchObject(size);
    const cut = withSegments(jpeg, jpegSegment(0xe1, preview)).subarray(0, -2);
    expect(() => inspect(cut)).toThrow('before its picture is complete');
  });

  it('may pad the segments of a JPEG with fill bytes', async () => {
    const jpeg = await makePhoto();
    expect(inspect(withSegments(jpeg, Buffer.alloc(1000, 0xff)))).toMatchObject(size);
  });
});

describe('the declared type', () => {
  it.each([
    'image/jpeg',
    'IMAGE/JPEG',
    'image/jpg',
    'image/pjpeg',
    'image/jpeg; name="a.jpg"',
    'application/octet-stream',
    'text/plain',
    '',
  ])('fits a JPEG: "%s"', async (declaredMimeType) => {
    expect(inspect(await makePhoto(), { declaredMimeType }).mimeType).toBe('image/jpeg');
  });

  it('does not tell HEIC from HEIF', () => {
    for (const declaredMimeType of ['image/heic', 'image/heif']) {
      expect(inspect(heicPhoto(), { declaredMimeType }).mimeType).toBe('image/heic');
      expect(inspect(heicPhoto({ major: 'mif1', brands: ['mif1'] }), { declaredMimeType }).mimeType).toBe('image/heif');
    }
  });
});
