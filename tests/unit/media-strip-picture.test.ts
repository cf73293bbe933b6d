import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UnacceptableImageError } from '../../src/domain/unacceptable-image.ts';
import { stripPicture } from '../../src/media/strip-picture.ts';
import { decodePixels, exifBlock, exifSegment, makePhoto, withSegments, withTail } from '../support/images.ts';

const OPTIONS = { pixelsMax: 1_000_000 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'photochanger-strip-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function strip(file: Buffer, mimeType: 'image/jpeg' | 'image/png' | 'image/webp' = 'image/jpeg') {
  const path = join(folder, 'photo');
  await writeFile(path, file);
  const picture = await stripPicture(path, mimeType, OPTIONS);
  return { ...picture, bytes: Buffer.concat(picture.parts) };
}

describe('a picture that is shown to a stranger', () => {
  it.each(['jpeg', 'png', 'webp'] as const)(
    'keeps the pixels of an upright %s bit for bit, and nothing else',
    async (format) => {
      const file = await makePhoto({ format });
      const { mimeType, bytes } = await strip(withTail(file, 'GPS'), `image/${format}`);
      expect(mimeType).toBe(`image/${format}`);
      expect(await decodePixels(bytes)).toEqual(await decodePixels(file));
      expect(bytes.includes('GPS')).toBe(false);
    },
  );

  it.each(['jpeg', 'png', 'webp'] as const)('turns a %s for good that a tag turns', async (format) => {
    const { bytes } = await strip(
      await makePhoto({ format, widthPx: 60, heightPx: 40, orientation: 6 }),
      `image/${format}`,
    );
    const { width, height, orientation, exif } = await sharp(bytes).metadata();
    expect({ width, height, orientation, exif }).toEqual({ width: 40, height: 60 });
  });

  it('loses the place where it was taken also when it is turned', async () => {
    const upright = await makePhoto();
    const block = exifBlock({ orientation: 3, text: 'GPS 55.7558 N' });
    const { bytes } = await strip(withSegments(upright, exifSegment(block)));
    expect(bytes.includes('GPS')).toBe(false);
  });

  it('is refused when it cannot be read', async () => {
    await expect(strip(Buffer.from('<svg/>'))).rejects.toThrow(UnacceptableImageError);
    await expect(strip(await makePhoto({ widthPx: 1001, heightPx: 1000 }))).rejects.toThrow(UnacceptableImageError);
  });
});
