import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageMimeType } from '../../src/domain/images.ts';
import type { CallOutcome, ProviderInput, SourceImage } from '../../src/providers/provider.ts';
import { createStudioProvider } from '../../src/providers/studio/studio-provider.ts';

const studio = createStudioProvider({ pixelsMax: 20_000_000, cores: 2 });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'studio-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function store(name: string, bytes: Buffer, mimeType: ImageMimeType = 'image/jpeg'): Promise<SourceImage> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, mimeType, sizeBytes: bytes.length };
}

/** Left half red, right half blue, as it is stored. */
function halves(width: number, height: number): ReturnType<typeof sharp> {
  return sharp({ create: { width, height, channels: 3, background: '#c81e1e' } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: '#1e1ec8' } }, left: width / 2, top: 0 },
  ]);
}

function submit(
  operationId: string,
  settings: ProviderInput['settings'],
  photo: SourceImage,
  references: ReadonlyMap<string, readonly SourceImage[]> = new Map(),
  signal: AbortSignal = new AbortController().signal,
): Promise<CallOutcome> {
  return studio.submit(
    { operationId, settings, photo, references },
    { signal, deadlineAt: performance.now() + 20_000 },
  );
}

function doneBytes(outcome: CallOutcome): Buffer {
  if (outcome.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.image.bytes;
}

async function pixel(bytes: Buffer, left: number, top: number): Promise<number[]> {
  return [...(await sharp(bytes).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())];
}

const EVERY_OPERATION: readonly (readonly [string, ProviderInput['settings']])[] = [
  ['crop', { print_ratio: '1:2' }],
  ['filter', { effect: 'vintage', strength: 0.1 }],
  ['frame', { caption: 'Лето' }],
  ['watermark', { text: 'Лето' }],
];

describe.each(EVERY_OPERATION)('studio %s', (operationId, settings) => {
  it('answers an upright picture without any metadata', async () => {
    const exif = { IFD0: { Make: 'Canon' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '55/1 45/1 0/1' } };
    const turned = await halves(400, 200).withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(turned.includes('Canon')).toBe(true);
    const bytes = doneBytes(await submit(operationId, settings, await store('turned.jpg', turned)));
    const facts = await sharp(bytes).metadata();
    expect(facts).toMatchObject({ format: 'jpeg', space: 'srgb', channels: 3 });
    expect([facts.orientation, facts.exif, facts.xmp, facts.iptc]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(bytes.includes('Canon')).toBe(false);
    expect(facts.height).toBeGreaterThan(facts.width);
    const [red = 0, , blue = 0] = await pixel(bytes, facts.width / 2, facts.height / 4);
    expect(red).toBeGreaterThan(blue + 80);
  });

  it('keeps to the largest side and never enlarges', async () => {
    const photo = await store('large.jpg', await halves(1800, 1200).jpeg().toBuffer());
    const small = await sharp(
      doneBytes(await submit(operationId, { ...settings, output: { max_side_px: 256 } }, photo)),
    ).metadata();
    expect(Math.max(small.width, small.height)).toBeLessThanOrEqual(256);
    expect(Math.max(small.width, small.height)).toBeGreaterThanOrEqual(254);
    const tiny = await store('tiny.jpg', await halves(40, 20).jpeg().toBuffer());
    const kept = await sharp(
      doneBytes(await submit(operationId, { ...settings, output: { max_side_px: 4096 } }, tiny)),
    ).metadata();
    expect(kept.width).toBeLessThanOrEqual(44);
  });

  it.each(['jpeg', 'png', 'webp'] as const)('writes %s when asked', async (format) => {
    const photo = await store('format.jpg', await halves(64, 48).jpeg().toBuffer());
    const bytes = doneBytes(await submit(operationId, { ...settings, output: { format, quality: 70 } }, photo));
    expect((await sharp(bytes).metadata()).format).toBe(format);
  });

  it('works on a single pixel', async () => {
    const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#808080' } })
      .png()
      .toBuffer();
    expect(await submit(operationId, settings, await store('dot.png', dot, 'image/png'))).toMatchObject({
      outcome: 'done',
    });
  });

  it('refuses more pixels than allowed, by the header alone', async () => {
    const bomb = pngHeader(16_000, 16_000);
    const outcome = await submit(operationId, settings, await store('bomb.png', bomb, 'image/png'));
    expect(outcome).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'bad_request', retryable: false, charged: 'no' },
    });
    expect(JSON.stringify(outcome)).toMatch(/pixel/);
  });

  it('rejects with the reason of the abort at once, also when it was aborted before', async () => {
    const photo = await store('abort.jpg', await halves(3000, 2000).jpeg().toBuffer());
    const controller = new AbortController();
    const reason = new Error('the window closed');
    const running = submit(operationId, settings, photo, new Map(), controller.signal);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(submit(operationId, settings, photo, new Map(), controller.signal)).rejects.toBe(reason);
  });
});

describe('studio pictures', () => {
  it('keeps the colours of a wide-gamut photo and names sRGB', async () => {
    const displayP3 = await sharp({ create: { width: 32, height: 32, channels: 3, background: '#d04030' } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const photo = await store('p3.png', displayP3, 'image/png');
    const bytes = doneBytes(await submit('crop', { output: { format: 'png' } }, photo));
    expect((await sharp(bytes).metadata()).icc?.length).toBeGreaterThan(0);
    const [red = 0, green = 0, blue = 0] = await pixel(bytes, 5, 5);
    expect([Math.abs(red - 0xd0), Math.abs(green - 0x40), Math.abs(blue - 0x30)].every((gap) => gap <= 2)).toBe(true);
  });

  it('puts white behind a transparent photo in a JPEG, and keeps the transparency in a PNG', async () => {
    const clear = await sharp({
      create: { width: 20, height: 20, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const photo = await store('clear.png', clear, 'image/png');
    expect(await pixel(doneBytes(await submit('crop', {}, photo)), 3, 3)).toEqual([255, 255, 255]);
    expect((await pixel(doneBytes(await submit('crop', { output: { format: 'png' } }, photo)), 3, 3))[3]).toBe(0);
  });

  it('makes a picture of a damaged JPEG as far as it can be read', async () => {
    const noise = await sharp({
      create: {
        width: 300,
        height: 300,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
      },
    })
      .jpeg()
      .toBuffer();
    const cut = noise.subarray(0, Math.floor(noise.length * 0.8));
    expect(await submit('filter', {}, await store('cut.jpg', cut))).toMatchObject({ outcome: 'done' });
    const scanAt = noise.indexOf(Buffer.from([0xff, 0xda]));
    const restartAfterEveryBlock = Buffer.from([0xff, 0xdd, 0, 4, 0, 1]);
    const damaged = Buffer.concat([noise.subarray(0, scanAt), restartAfterEveryBlock, noise.subarray(scanAt)]);
    expect(await submit('filter', {}, await store('damaged.jpg', damaged))).toMatchObject({ outcome: 'done' });
  });

  it('refuses other formats under a photo’s name', async () => {
    const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    expect(await submit('filter', {}, await store('drawing.jpg', drawing))).toMatchObject({ outcome: 'failed' });
    const animation = await halves(8, 8).gif().toBuffer();
    expect(await submit('filter', {}, await store('animation.jpg', animation))).toMatchObject({ outcome: 'failed' });
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['one byte', Buffer.from([0xff])],
    ['HTML', Buffer.from('<html><body>not a picture</body></html>')],
  ])('fails with the decoder’s words and without the path for %s', async (_, bytes) => {
    const outcome = await submit('filter', {}, await store('broken.jpg', bytes));
    expect(outcome).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'bad_request', retryable: false, charged: 'no' },
    });
    expect(JSON.stringify(outcome)).not.toContain(folder);
  });

  it('fails without the path when the photo is gone', async () => {
    const outcome = await submit(
      'filter',
      {},
      { path: join(folder, 'gone.jpg'), mimeType: 'image/jpeg', sizeBytes: 1 },
    );
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { kind: 'bad_request' } });
    expect(JSON.stringify(outcome)).not.toContain(folder);
  });

  it('refuses HEIC and operations it does not have', async () => {
    const photo = await store('photo.jpg', await halves(8, 8).jpeg().toBuffer());
    expect(await submit('filter', {}, { ...photo, mimeType: 'image/heic' })).toMatchObject({ outcome: 'failed' });
    expect(await submit('image_edit', {}, photo)).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'bad_request' },
    });
  });

  it('leaves the photo on disk as it was', async () => {
    const before = await halves(60, 40).jpeg().toBuffer();
    const photo = await store('untouched.jpg', before);
    await submit('frame', {}, photo);
    expect(await readFile(photo.path)).toEqual(before);
  });
});

/** A PNG that claims a size and has no pixels. */
function pngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, body: Buffer): Buffer => {
    const named = Buffer.concat([Buffer.from(type), body]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, check]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', Buffer.from([0x78, 0x9c])),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
