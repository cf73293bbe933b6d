import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Region } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderInput, SourceImage } from '../../src/providers/provider.ts';
import { createStudioProvider } from '../../src/providers/studio/studio-provider.ts';

const studio = createStudioProvider({ pixelsMax: 20_000_000 });
const PNG = { output: { format: 'png' } };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'studio-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function store(picture: ReturnType<typeof sharp>): Promise<SourceImage> {
  const bytes = await picture.png().toBuffer();
  const path = join(folder, `${crypto.randomUUID()}.png`);
  await writeFile(path, bytes);
  return { path, mimeType: 'image/png', sizeBytes: bytes.length };
}

function plain(width: number, height: number, background: string): ReturnType<typeof sharp> {
  return sharp({ create: { width, height, channels: 3, background } });
}

async function submit(
  operationId: string,
  settings: ProviderInput['settings'],
  photo: SourceImage,
  references: Record<string, SourceImage> = {},
) {
  const input = {
    operationId,
    settings,
    photo,
    references: new Map(Object.entries(references).map(([key, image]) => [key, [image]])),
  };
  return studio.submit(input, { signal: new AbortController().signal, deadlineAt: performance.now() + 20_000 });
}

async function make(...args: Parameters<typeof submit>): Promise<ReturnType<typeof sharp>> {
  const outcome = await submit(...args);
  if (outcome.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  return sharp(outcome.image.bytes);
}

async function sizeOf(picture: ReturnType<typeof sharp>): Promise<[number, number]> {
  const { width, height } = await picture.metadata();
  return [width, height];
}

async function pixel(picture: ReturnType<typeof sharp>, left: number, top: number): Promise<number[]> {
  return [...(await picture.clone().extract({ left, top, width: 1, height: 1 }).raw().toBuffer())];
}

/** How many pixels of an area differ from the colour of its first one. */
async function inkedPixels(picture: ReturnType<typeof sharp>, area: Region): Promise<number> {
  const raw = await picture.clone().extract(area).removeAlpha().raw().toBuffer();
  const first = raw.subarray(0, 3);
  let inked = 0;
  for (let at = 0; at < raw.length; at += 3) {
    if (first.compare(raw, at, at + 3) !== 0) inked += 1;
  }
  return inked;
}

describe('crop', () => {
  it.each([
    ['2:3', 'auto', 600, 400, 600, 400],
    ['2:3', 'auto', 400, 600, 400, 600],
    ['4:6', 'auto', 600, 600, 400, 600],
    ['1:1', 'auto', 600, 400, 400, 400],
    ['2:3', 'portrait', 600, 400, 267, 400],
    ['16:9', 'landscape', 400, 600, 400, 225],
    ['9:16', 'landscape', 400, 600, 400, 225],
  ])('%s, %s, of %i × %i is %i × %i', async (print_ratio, orientation, width, height, cropWidth, cropHeight) => {
    const photo = await store(plain(width, height, '#336699'));
    const cropped = await sizeOf(await make('crop', { ...PNG, print_ratio, orientation }, photo));
    expect(Math.abs(cropped[0] - cropWidth)).toBeLessThanOrEqual(1);
    expect(Math.abs(cropped[1] - cropHeight)).toBeLessThanOrEqual(1);
  });

  it('keeps the exact ratio at the largest side', async () => {
    const photo = await store(plain(1536, 2048, '#336699'));
    const settings = { print_ratio: '2:3', output: { format: 'png', max_side_px: 600 } };
    expect(await sizeOf(await make('crop', settings, photo))).toEqual([400, 600]);
  });

  it.each([
    ['top', [255, 0, 0]],
    ['bottom', [0, 0, 255]],
  ])('keeps the %s of the photo when asked', async (gravity, colour) => {
    const blue = { create: { width: 100, height: 200, channels: 3 as const, background: '#0000ff' } };
    const photo = await store(plain(100, 400, '#ff0000').composite([{ input: blue, left: 0, top: 200 }]));
    const cropped = await make('crop', { ...PNG, print_ratio: '1:1', gravity }, photo);
    expect((await pixel(cropped, 50, 50)).slice(0, 3)).toEqual(colour);
  });

  it('keeps the striking part when asked for attention', async () => {
    const spot = Buffer.from('<svg width="100" height="100"><circle cx="50" cy="50" r="45" fill="#e8a07a"/></svg>');
    const photo = await store(plain(800, 200, '#203040').composite([{ input: spot, left: 680, top: 50 }]));
    const cropped = await make('crop', { ...PNG, print_ratio: '1:1', gravity: 'attention' }, photo);
    expect((await cropped.stats()).channels[0]?.max).toBeGreaterThan(200);
  });
});

describe('filter', () => {
  const colour = '#b45a28';

  it.each(['greyscale', 'noir'])('%s leaves no colour', async (effect) => {
    const [red, green, blue] = await pixel(
      await make('filter', { ...PNG, effect }, await store(plain(9, 9, colour))),
      4,
      4,
    );
    expect([green, blue]).toEqual([red, red]);
  });

  it.each(['greyscale', 'noir', 'sepia', 'duotone', 'vintage', 'vivid', 'warm', 'cool'])(
    '%s changes the picture, and strength 0 does not',
    async (effect) => {
      const photo = await store(plain(9, 9, colour));
      expect(await pixel(await make('filter', { ...PNG, effect }, photo), 4, 4)).not.toEqual([0xb4, 0x5a, 0x28]);
      expect(await pixel(await make('filter', { ...PNG, effect, strength: 0 }, photo), 4, 4)).toEqual([
        0xb4, 0x5a, 0x28,
      ]);
    },
  );

  it('duotone maps black and white to the two colours', async () => {
    const settings = { ...PNG, effect: 'duotone', shadow_color: '#102030', highlight_color: '#f0e0d0' };
    const black = await pixel(await make('filter', settings, await store(plain(9, 9, '#000000'))), 4, 4);
    const white = await pixel(await make('filter', settings, await store(plain(9, 9, '#ffffff'))), 4, 4);
    expect(black).toEqual([0x10, 0x20, 0x30]);
    expect(white.map((value, at) => Math.abs(value - ([0xf0, 0xe0, 0xd0][at] ?? 0)))).toEqual([0, 0, 0]);
  });

  it('warm leans to red and cool to blue', async () => {
    const photo = await store(plain(9, 9, '#808080'));
    const [warmRed = 0, , warmBlue = 0] = await pixel(await make('filter', { ...PNG, effect: 'warm' }, photo), 4, 4);
    const [coolRed = 0, , coolBlue = 0] = await pixel(await make('filter', { ...PNG, effect: 'cool' }, photo), 4, 4);
    expect(warmRed).toBeGreaterThan(warmBlue);
    expect(coolBlue).toBeGreaterThan(coolRed);
  });

  it('leaves transparency alone', async () => {
    const half = sharp({ create: { width: 9, height: 9, channels: 4, background: { r: 9, g: 99, b: 9, alpha: 0.5 } } });
    const filtered = await make('filter', { ...PNG, effect: 'vintage' }, await store(half));
    expect((await pixel(filtered, 4, 4))[3]).toBe(128);
  });
});

describe('frame', () => {
  it('surrounds the photo with an even border of the asked colour', async () => {
    const photo = await store(plain(200, 100, '#ff0000'));
    const framed = await make('frame', { ...PNG, border_percent: 10, color: '#00ff00' }, photo);
    expect(await sizeOf(framed)).toEqual([220, 120]);
    for (const [left, top] of [
      [0, 0],
      [219, 119],
      [9, 60],
      [210, 60],
      [110, 9],
      [110, 110],
    ] as const) {
      expect(await pixel(framed, left, top)).toEqual([0, 255, 0]);
    }
    expect(await pixel(framed, 10, 10)).toEqual([255, 0, 0]);
    expect(await pixel(framed, 209, 109)).toEqual([255, 0, 0]);
  });

  it('has a strip below a polaroid', async () => {
    const framed = await make(
      'frame',
      { ...PNG, style: 'polaroid', border_percent: 10 },
      await store(plain(200, 100, '#ff0000')),
    );
    expect(await sizeOf(framed)).toEqual([220, 130]);
  });

  it('draws the caption below the photo and not on it', async () => {
    const photo = await store(plain(400, 400, '#ff0000'));
    const framed = await make('frame', { ...PNG, style: 'polaroid', caption: 'Ёлка' }, photo);
    expect(await inkedPixels(framed, { left: 16, top: 417, width: 400, height: 78 })).toBeGreaterThan(200);
    expect(await inkedPixels(framed, { left: 16, top: 16, width: 400, height: 400 })).toBe(0);
  });

  it.each([
    '<script>alert(1)</script>',
    '&amp;&#x41;"\'<!--',
    ']]><svg><image href="file:///etc/passwd"/></svg>',
    'Ж'.repeat(80),
    '{{}} `$1` %s \\u0041',
  ])('draws %j letter by letter, as it is written', async (caption) => {
    const photo = await store(plain(400, 400, '#ff0000'));
    const framed = await make('frame', { ...PNG, style: 'polaroid', caption }, photo);
    expect(await sizeOf(framed)).toEqual([432, 496]);
    expect(await inkedPixels(framed, { left: 0, top: 417, width: 432, height: 78 })).toBeGreaterThan(100);
    expect(await inkedPixels(framed, { left: 0, top: 416, width: 4, height: 80 })).toBe(0);
  });

  it.each(['\u0000', '\ud800', 'смех 😀', '漢字', 'a\u202eb', 'line\nline'])(
    'fails loudly for %j instead of losing letters',
    async (caption) => {
      const outcome = await submit('frame', { caption }, await store(plain(40, 40, '#ff0000')));
      expect(outcome).toMatchObject({ outcome: 'failed', failure: { kind: 'bad_request', retryable: false } });
    },
  );

  it('shows the photo through the window of a template, which decides the size', async () => {
    const window = sharp({ create: { width: 300, height: 200, channels: 4, background: '#00ff00' } }).composite([
      {
        input: { create: { width: 200, height: 100, channels: 4, background: '#000000' } },
        left: 50,
        top: 50,
        blend: 'dest-out',
      },
    ]);
    const references = { overlay_media_id: await store(window) };
    const framed = await make('frame', PNG, await store(plain(500, 900, '#ff0000')), references);
    expect(await sizeOf(framed)).toEqual([300, 200]);
    expect((await pixel(framed, 10, 10)).slice(0, 3)).toEqual([0, 255, 0]);
    expect((await pixel(framed, 150, 100)).slice(0, 3)).toEqual([255, 0, 0]);
  });

  it('refuses a template that would hide the photo, is broken, or is missing', async () => {
    const photo = await store(plain(40, 40, '#ff0000'));
    const opaque = { overlay_media_id: await store(plain(40, 40, '#00ff00')) };
    const broken = {
      overlay_media_id: { path: join(folder, 'none.png'), mimeType: 'image/png' as const, sizeBytes: 1 },
    };
    const failed = { outcome: 'failed', failure: { kind: 'bad_request', retryable: false } };
    expect(await submit('frame', {}, photo, opaque)).toMatchObject(failed);
    expect(await submit('frame', {}, photo, broken)).toMatchObject(failed);
    expect(await submit('frame', { overlay_media_id: crypto.randomUUID() }, photo)).toMatchObject(failed);
  });
});

describe('watermark', () => {
  const whole = { left: 0, top: 0, width: 600, height: 400 };

  it.each([
    ['top_left', { left: 0, top: 0, width: 300, height: 200 }],
    ['top_right', { left: 300, top: 0, width: 300, height: 200 }],
    ['bottom_left', { left: 0, top: 200, width: 300, height: 200 }],
    ['bottom_right', { left: 300, top: 200, width: 300, height: 200 }],
    ['top', { left: 150, top: 0, width: 300, height: 200 }],
    ['bottom', { left: 150, top: 200, width: 300, height: 200 }],
    ['centre', { left: 150, top: 100, width: 300, height: 200 }],
  ])('stands at %s and nowhere else', async (position, area) => {
    const marked = await make('watermark', { ...PNG, text: 'Свет', position }, await store(plain(600, 400, '#336699')));
    const inked = await inkedPixels(marked, area);
    expect(inked).toBeGreaterThan(50);
    expect(await inkedPixels(marked, whole)).toBe(inked);
  });

  it('keeps a margin, also with the longest text at the largest size', async () => {
    const settings = { ...PNG, text: 'Щ'.repeat(80), size_percent: 100, position: 'centre' };
    const marked = await make('watermark', settings, await store(plain(600, 400, '#336699')));
    expect(await inkedPixels(marked, whole)).toBeGreaterThan(100);
    expect(await inkedPixels(marked, { left: 0, top: 0, width: 12, height: 400 })).toBe(0);
    expect(await inkedPixels(marked, { left: 588, top: 0, width: 12, height: 400 })).toBe(0);
  });

  it('lets the photo shine through by its opacity', async () => {
    const logo = await store(sharp({ create: { width: 50, height: 50, channels: 4, background: '#ffffff' } }));
    const settings = { ...PNG, position: 'centre', size_percent: 50, opacity: 0.5 };
    const marked = await make('watermark', settings, await store(plain(600, 400, '#000000')), {
      watermark_media_id: logo,
    });
    const [red = 0] = await pixel(marked, 300, 200);
    expect(Math.abs(red - 128)).toBeLessThanOrEqual(2);
    expect((await pixel(marked, 5, 5)).slice(0, 3)).toEqual([0, 0, 0]);
  });

  it('leaves the photo as it is where the variables of the text left nothing of it', async () => {
    const photo = await store(plain(40, 40, '#ff0000'));
    for (const settings of [{ ...PNG, text: '   ' }, PNG])
      expect(await pixel(await make('watermark', settings, photo), 30, 38)).toEqual([255, 0, 0]);
  });

  it('refuses to mark with a picture that is not there', async () => {
    const photo = await store(plain(40, 40, '#ff0000'));
    const failed = { outcome: 'failed', failure: { kind: 'bad_request' } };
    expect(await submit('watermark', { watermark_media_id: crypto.randomUUID() }, photo)).toMatchObject(failed);
  });
});
