import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutputWish } from '../../src/domain/output-wish.ts';
import { finishResult } from '../../src/media/finish-result.ts';
import { makePhoto } from '../support/images.ts';
import { makeFrame, pixelAt } from '../support/media.ts';

const PIXELS_MAX = 4_000_000;
const PNG = { format: 'png' } as const;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'finish-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function store(bytes: Buffer): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, bytes);
  return path;
}

async function finish(image: Buffer, output?: OutputWish, framePath?: string) {
  const { parts, thumbnail, ...result } = await finishResult(image, { pixelsMax: PIXELS_MAX, output, framePath });
  const file = Buffer.concat([...parts]);
  return { ...result, file, facts: await sharp(file).metadata(), thumbnail: await sharp(await thumbnail).metadata() };
}

const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

const near = (pixel: readonly number[], expected: readonly number[]) =>
  expect(pixel.slice(0, 3).map((value, at) => Math.abs(value - (expected[at] ?? 0)) <= 3)).toEqual([true, true, true]);

/** Red above, green in the middle, blue below. */
async function stripes(): Promise<Buffer> {
  const stripe = (background: string) => plain(300, 200, background).png().toBuffer();
  const [green, blue] = [await stripe('#00ff00'), await stripe('#0000ff')];
  return plain(300, 600, '#ff0000')
    .composite([
      { input: green, left: 0, top: 200 },
      { input: blue, left: 0, top: 400 },
    ])
    .png()
    .toBuffer();
}

describe('a print ratio', () => {
  it.each([
    [{ printRatio: '2:3' }, 682, 1024],
    [{ printRatio: '2:3', maxSidePx: 600 }, 400, 600],
    [{ printRatio: '2:3', maxSidePx: 1800, isEnlarged: true }, 1200, 1800],
    [{ printRatio: '1:1', maxSidePx: 300 }, 300, 300],
    [{ printRatio: '2:3', fit: 'pad', maxSidePx: 600 }, 400, 600],
    [{ printRatio: '2:3', fit: 'pad' }, 1024, 1536],
  ] as const)('%j of a square picture is %i × %i, thumbnail included', async (wish, widthPx, heightPx) => {
    const { facts, thumbnail, ...result } = await finish(await makePhoto({ widthPx: 1024, heightPx: 1024 }), wish);
    expect(result).toMatchObject({ mimeType: 'image/jpeg', widthPx, heightPx });
    expect(facts).toMatchObject({ format: 'jpeg', width: widthPx, height: heightPx });
    expect(Math.abs(thumbnail.width / thumbnail.height - widthPx / heightPx)).toBeLessThan(0.01);
  });

  it('that the picture has already costs no encoding', async () => {
    const picture = await makePhoto({ widthPx: 400, heightPx: 600, profile: 'p3' });
    const wish = { printRatio: '2:3', maxSidePx: 600, gravity: 'attention', padColour: '#ff0000' } as const;
    expect((await finish(picture, wish)).file).toEqual((await finish(picture)).file);
  });

  it('is that of the picture as it lies upright', async () => {
    const turned = await makePhoto({ orientation: 6, widthPx: 600, heightPx: 400 });
    const { facts } = await finish(turned, { printRatio: '1:2' });
    expect([facts.width, facts.height, facts.orientation]).toEqual([300, 600, undefined]);
  });

  it('keeps the profile of the colours when only something is cut off', async () => {
    const picture = await makePhoto({ profile: 'p3', widthPx: 300, heightPx: 300 });
    expect((await finish(picture, { printRatio: '2:3' })).facts.icc).toEqual((await sharp(picture).metadata()).icc);
  });

  it.each([
    ['top', [255, 0, 0]],
    ['centre', [0, 255, 0]],
    ['bottom', [0, 0, 255]],
    [undefined, [0, 255, 0]],
  ] as const)('keeps the part that is asked for: %s', async (gravity, colour) => {
    const { file } = await finish(await stripes(), { ...PNG, printRatio: '1:1', gravity });
    near(await pixelAt(file, 150, 150), colour);
  });
});

describe('padding', () => {
  it('shows the whole picture and fills the edges', async () => {
    const { file, facts } = await finish(await stripes(), {
      ...PNG,
      printRatio: '1:1',
      fit: 'pad',
      padColour: '#102030',
    });
    expect([facts.width, facts.height]).toEqual([600, 600]);
    near(await pixelAt(file, 5, 300), [0x10, 0x20, 0x30]);
    near(await pixelAt(file, 595, 300), [0x10, 0x20, 0x30]);
    near(await pixelAt(file, 300, 5), [255, 0, 0]);
    near(await pixelAt(file, 300, 595), [0, 0, 255]);
  });

  it('is white unless a colour is asked for, also around a transparent picture and in a JPEG', async () => {
    const clear = await sharp({ create: { width: 300, height: 600, channels: 4, background: '#ff000000' } })
      .png()
      .toBuffer();
    const { file } = await finish(clear, { format: 'jpeg', printRatio: '1:1', fit: 'pad' });
    near(await pixelAt(file, 5, 300), [255, 255, 255]);
    near(await pixelAt(file, 300, 300), [255, 255, 255]);
  });

  it.each([
    ['grey', (image: Sharp) => image.greyscale().png()],
    ['16-bit', (image: Sharp) => image.toColourspace('rgb16').png()],
    ['CMYK', (image: Sharp) => image.toColourspace('cmyk').jpeg({ quality: 100 })],
    ['wide-gamut', (image: Sharp) => image.withIccProfile('p3').png()],
  ] as const)('has its colour around a %s picture', async (_, encode) => {
    const picture = await encode(plain(300, 600, '#808080')).toBuffer();
    const { file, facts } = await finish(picture, { ...PNG, printRatio: '1:1', fit: 'pad', padColour: '#ff8000' });
    expect([facts.space, facts.depth, facts.icc]).toEqual(['srgb', 'uchar', undefined]);
    near(await pixelAt(file, 5, 300), [255, 128, 0]);
    const middle = await pixelAt(file, 300, 300);
    expect(Math.abs((middle[0] ?? 0) - 128)).toBeLessThan(12);
  });
});

describe('a frame', () => {
  it('is laid over the picture, which fills it, and decides the size', async () => {
    const frame = await store(await makeFrame('#00ff00', 120, 180));
    const { file, ...result } = await finish(
      await plain(600, 400, '#ff0000').jpeg().toBuffer(),
      { printRatio: '1:1' },
      frame,
    );
    expect(result).toMatchObject({ mimeType: 'image/jpeg', widthPx: 120, heightPx: 180, frameFault: undefined });
    const lossless = await finish(await plain(600, 400, '#ff0000').png().toBuffer(), PNG, frame);
    near(await pixelAt(lossless.file, 2, 2), [0, 255, 0]);
    near(await pixelAt(lossless.file, 117, 177), [0, 255, 0]);
    near(await pixelAt(lossless.file, 60, 90), [255, 0, 0]);
  });

  it('is made smaller with the result, and shows a padded picture whole', async () => {
    const frame = await store(await makeFrame('#00ff00', 1200, 1800));
    const wish = { ...PNG, maxSidePx: 600, fit: 'pad', padColour: '#0000ff' } as const;
    const { file, facts } = await finish(await plain(800, 300, '#ff0000').png().toBuffer(), wish, frame);
    expect([facts.width, facts.height]).toEqual([400, 600]);
    near(await pixelAt(file, 5, 5), [0, 255, 0]);
    near(await pixelAt(file, 200, 300), [255, 0, 0]);
    near(await pixelAt(file, 200, 200), [0, 0, 255]);
    near(await pixelAt(file, 200, 400), [0, 0, 255]);
  });

  it.each([
    ['grey', (image: Sharp) => image.greyscale().jpeg()],
    ['16-bit', (image: Sharp) => image.toColourspace('rgb16').png()],
    ['wide-gamut', (image: Sharp) => image.withIccProfile('p3').png()],
    ['transparent', (image: Sharp) => image.ensureAlpha(0.5).webp({ lossless: true })],
  ] as const)('keeps its own colours over a %s picture', async (_, encode) => {
    const frame = await store(await makeFrame('#ff8000', 120, 180));
    const picture = await encode(plain(300, 600, '#808080')).toBuffer();
    const { file } = await finish(picture, PNG, frame);
    near(await pixelAt(file, 2, 2), [255, 128, 0]);
  });

  it.each([
    ['is not there', async () => join(folder, 'nowhere.png')],
    ['is damaged', async () => store((await makeFrame('#00ff00', 400, 400)).subarray(0, 200))],
    ['is no picture', async () => store(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))],
    ['would hide the picture', async () => store(await plain(40, 40, '#00ff00').png().toBuffer())],
    ['has too many pixels', async () => store(await makeFrame('#00ff00', 2500, 2500))],
  ])('that %s does not cost the guest the picture', async (_, makePath) => {
    const picture = await makePhoto({ widthPx: 300, heightPx: 300 });
    const result = await finish(picture, { printRatio: '2:3' }, await makePath());
    expect(result.frameFault).toMatch(/./);
    expect(result.frameFault).not.toMatch(/\n/);
    expect(result.facts.format).toBe('jpeg');
  });
});

describe('without a wish', () => {
  it('a picture of any shape stays as it is', async () => {
    const picture = await makePhoto({ widthPx: 500, heightPx: 300, profile: 'p3' });
    for (const output of [undefined, {}, { fit: 'pad', gravity: 'top', isEnlarged: true } as const])
      expect((await finish(picture, output)).file).toEqual((await finish(picture)).file);
  });
});
