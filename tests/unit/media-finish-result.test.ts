import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { OutputWish } from '../../src/domain/output-wish.ts';
import { UnacceptableImageError } from '../../src/domain/unacceptable-image.ts';
import { finishResult } from '../../src/media/finish-result.ts';
import type { FinishedResult } from '../../src/media/picture.ts';
import { createThumbnail } from '../../src/media/thumbnail.ts';
import {
  decodePixels,
  exifBlock,
  exifSegment,
  grainyPixels,
  heicPhoto,
  jpegClaim,
  jpegSegment,
  makeAnimation,
  makePhoto,
  pngClaim,
  withSegments,
  withTail,
} from '../support/images.ts';

const PIXELS_MAX = 1_000_000;
const SECRET = 'GPS 51.50074 N';

/** A result with the proof that it is whole. */
const settled = async (finishing: Promise<FinishedResult>) => {
  const result = await finishing;
  return { ...result, thumbnail: await result.thumbnail };
};
const finish = (image: Buffer, output?: OutputWish) => settled(finishResult(image, { pixelsMax: PIXELS_MAX, output }));
const fileOf = ({ parts }: Pick<FinishedResult, 'parts'>): Buffer => Buffer.concat(parts);

describe('a whole picture that lies upright', () => {
  it.each(['jpeg', 'png', 'webp'] as const)('becomes a result without losing a pixel: %s', async (format) => {
    const answer = await makePhoto({ format, profile: 'p3', widthPx: 500, heightPx: 300 });
    const result = await finish(answer);
    expect(result).toMatchObject({
      mimeType: `image/${format}`,
      widthPx: 500,
      heightPx: 300,
      sizeBytes: fileOf(result).length,
    });
    expect((await decodePixels(fileOf(result))).equals(await decodePixels(answer))).toBe(true);
    expect((await sharp(fileOf(result)).metadata()).icc).toEqual((await sharp(answer).metadata()).icc);
  });

  it('loses its metadata and what follows its end', async () => {
    const loaded = withTail(
      withSegments(await makePhoto(), exifSegment(exifBlock({ text: SECRET })), jpegSegment(0xfe, SECRET)),
      SECRET,
    );
    const result = await finish(loaded);
    expect(fileOf(result).includes(SECRET)).toBe(false);
    expect(result.thumbnail.includes(SECRET)).toBe(false);
  });

  it('stays as it is where the slot wishes what it is already', async () => {
    const answer = await makePhoto({ widthPx: 200, heightPx: 100 });
    expect(fileOf(await finish(answer, { format: 'jpeg', maxSidePx: 200 }))).toEqual(fileOf(await finish(answer)));
    const png = await makePhoto({ format: 'png' });
    expect(fileOf(await finish(png, { quality: 50 }))).toEqual(fileOf(await finish(png)));
  });

  it('has a thumbnail, a JPEG of the asked size and never larger than the picture', async () => {
    const { thumbnail } = await finish(await makePhoto({ widthPx: 900, heightPx: 450 }));
    expect(await sharp(thumbnail).metadata()).toMatchObject({ format: 'jpeg', width: 320, height: 160 });
    const small = await finishResult(await makePhoto({ widthPx: 40, heightPx: 60 }), {
      pixelsMax: PIXELS_MAX,
      thumbnailSidePx: 30,
    });
    expect(await sharp(await small.thumbnail).metadata()).toMatchObject({ width: 20, height: 30 });
    expect(await sharp(await createThumbnail(await makePhoto(), PIXELS_MAX)).metadata()).toMatchObject({
      width: 64,
      height: 48,
    });
  });
});

describe('a picture that lies on its side', () => {
  it('is turned upright, with its profile, without its metadata', async () => {
    const answer = await makePhoto({ profile: 'p3', orientation: 6, widthPx: 200, heightPx: 100 });
    const result = await finish(answer);
    const facts = await sharp(fileOf(result)).metadata();
    expect(result).toMatchObject({ mimeType: 'image/jpeg', widthPx: 100, heightPx: 200 });
    expect(facts).toMatchObject({ format: 'jpeg', width: 100, height: 200 });
    expect([facts.orientation, facts.exif]).toEqual([undefined, undefined]);
    expect(facts.icc).toEqual((await sharp(answer).metadata()).icc);
    expect(await sharp(result.thumbnail).metadata()).toMatchObject({ width: 100, height: 200 });
  });

  it('has its top where the tag says: the bright right side of the file comes down', async () => {
    const answer = await makePhoto({ format: 'png', orientation: 6, widthPx: 80, heightPx: 40 });
    const pixels = await decodePixels(fileOf(await finish(answer)));
    const mean = (bytes: Buffer): number => bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;
    expect(mean(pixels.subarray(0, pixels.length / 4))).toBeLessThan(
      mean(pixels.subarray((pixels.length * 3) / 4)) - 50,
    );
  });
});

describe('the wish of a slot', () => {
  it.each([
    [{ format: 'png' }, 'image/png', 600, 300],
    [{ format: 'webp' }, 'image/webp', 600, 300],
    [{ maxSidePx: 256 }, 'image/jpeg', 256, 128],
    [{ format: 'webp', maxSidePx: 300, quality: 40 }, 'image/webp', 300, 150],
  ] as const)('is met: %j', async (output, mimeType, widthPx, heightPx) => {
    const result = await finish(await makePhoto({ widthPx: 600, heightPx: 300 }), output);
    expect(result).toMatchObject({ mimeType, widthPx, heightPx });
    expect(await sharp(fileOf(result)).metadata()).toMatchObject({
      width: widthPx,
      height: heightPx,
      format: mimeType.slice(6),
    });
  });

  it('is a quality: less of it makes a smaller file', async () => {
    const answer = await makePhoto({ widthPx: 600, heightPx: 300 });
    const [low, high] = [await finish(answer, { quality: 20 }), await finish(answer, { quality: 95 })];
    expect(low.sizeBytes).toBeLessThan(high.sizeBytes / 2);
  });

  it('never makes a picture larger', async () => {
    expect(await finish(await makePhoto(), { maxSidePx: 4096, format: 'png' })).toMatchObject({
      widthPx: 64,
      heightPx: 48,
    });
  });

  it('puts transparent parts on white where the format has no transparency', async () => {
    const clear = await sharp({ create: { width: 20, height: 20, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer();
    const result = await finish(clear, { format: 'jpeg' });
    for (const file of [fileOf(result), result.thumbnail])
      expect(Math.min(...(await decodePixels(file)))).toBeGreaterThan(250);
  });
});

describe('an answer of an unusual kind', () => {
  it.each(['gif', 'tiff', 'avif'] as const)('becomes a JPEG: %s', async (format) => {
    const result = await finish(await makePhoto({ format }));
    expect(result).toMatchObject({ mimeType: 'image/jpeg', widthPx: 64, heightPx: 48 });
    expect((await sharp(fileOf(result)).metadata()).format).toBe('jpeg');
  });

  it.each(['gif', 'webp'] as const)('becomes the first picture of an animation: %s', async (format) => {
    expect(await finish(await makeAnimation(format))).toMatchObject({
      mimeType: 'image/jpeg',
      widthPx: 16,
      heightPx: 16,
    });
  });

  it('becomes sRGB where its colours are those of a printing press', async () => {
    const press = await grainyPixels(50, 50).toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer();
    const facts = await sharp(fileOf(await finish(press))).metadata();
    expect(facts).toMatchObject({ space: 'srgb', channels: 3, hasProfile: false });
  });
});

describe('an answer that is no acceptable picture', () => {
  it.each([
    ['nothing', '', 'empty'],
    ['HTML', '<html><body>502 Bad Gateway</body></html>', 'text'],
    ['JSON', '{"error": {"code": 500}}', 'text'],
    ['SVG, which could be decoded', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'text'],
    [
      'SVG behind an unusual beginning',
      '\u2003<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      'no picture',
    ],
    ['ZIP', 'PK\x03\x04\x14\0\0\0\x08\0', 'ZIP'],
  ])('is refused with a reason: %s', async (_, text, word) => {
    const refused = finish(Buffer.from(text));
    await expect(refused).rejects.toBeInstanceOf(UnacceptableImageError);
    await expect(refused).rejects.toMatchObject({ reason: expect.stringContaining(word) });
  });

  it('is the beginning of a picture and nothing more', async () => {
    for (const start of [
      jpegClaim(8, 8),
      (await makePhoto({ format: 'png' })).subarray(0, 33),
      Buffer.from([0xff, 0xd8, 0xff]),
    ]) {
      await expect(finish(start)).rejects.toBeInstanceOf(UnacceptableImageError);
    }
  });

  it('is HEIC, which nothing here can decode', async () => {
    await expect(finish(heicPhoto())).rejects.toThrow('HEIC');
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff'] as const)('is a picture that was cut off: %s', async (format) => {
    const whole = await makePhoto({ format, widthPx: 300, heightPx: 200 });
    for (const share of [0.2, 0.6, 0.95]) {
      await expect(finish(whole.subarray(0, Math.floor(whole.length * share)))).rejects.toBeInstanceOf(
        UnacceptableImageError,
      );
    }
  });

  it('is a JPEG that was cut off and closed again, which is half a grey picture', async () => {
    const whole = await makePhoto({ widthPx: 300, heightPx: 200 });
    const closed = withTail(whole.subarray(0, whole.length / 2), Buffer.from([0xff, 0xd9]));
    await expect(finish(closed)).rejects.toThrow('cannot be decoded');
    await expect(finish(closed, { quality: 80 })).rejects.toThrow('cannot be decoded');
  });

  it('is a PNG whose pixels were damaged', async () => {
    const damaged = await makePhoto({ format: 'png', widthPx: 300, heightPx: 200 });
    damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 0x55, damaged.length >> 1);
    await expect(finish(damaged)).rejects.toBeInstanceOf(UnacceptableImageError);
  });

  it('has more pixels than the limit: its header is enough to refuse it', async () => {
    await expect(finish(pngClaim(16_000, 16_000))).rejects.toThrow('more than 1000000 pixels');
    await expect(finish(await makePhoto({ widthPx: 1001, heightPx: 1000 }))).rejects.toThrow(
      'more than 1000000 pixels',
    );
    await expect(finish(jpegClaim(65_535, 65_535))).rejects.toBeInstanceOf(UnacceptableImageError);
  });
});
