import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderInput, SourceImage } from '../../src/providers/provider.ts';
import { createStudioProvider } from '../../src/providers/studio/studio-provider.ts';
import { makeFrame, pixelAt } from '../support/media.ts';

const studio = createStudioProvider({ pixelsMax: 20_000_000 });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'studio-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function store(picture: Buffer): Promise<SourceImage> {
  const path = join(folder, `${crypto.randomUUID()}.png`);
  await writeFile(path, picture);
  return { path, mimeType: 'image/png', sizeBytes: picture.length };
}

const plain = (width: number, height: number, background: string): Sharp =>
  sharp({ create: { width, height, channels: 3, background } });

interface Job {
  readonly operationId: string;
  readonly settings: ProviderInput['settings'];
  readonly photo: Sharp;
  readonly frame?: Buffer;
}

async function submit({ operationId, settings, photo, frame }: Job) {
  const references = new Map<string, SourceImage[]>();
  if (frame !== undefined) references.set('finish_frame_media_id', [await store(frame)]);
  const input = { operationId, settings, photo: await store(await photo.png().toBuffer()), references };
  return studio.submit(input, { signal: new AbortController().signal, deadlineAt: performance.now() + 20_000 });
}

async function make(job: Job): Promise<{ file: Buffer; size: number[] }> {
  const outcome = await submit(job);
  if (outcome.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  const { width, height } = await sharp(outcome.image.bytes).metadata();
  return { file: outcome.image.bytes, size: [width, height] };
}

const OPERATIONS: readonly (readonly [string, ProviderInput['settings']])[] = [
  ['crop', { print_ratio: '1:2' }],
  ['filter', { effect: 'vintage' }],
  ['frame', { border_percent: 10 }],
  ['watermark', { text: 'Лето' }],
];

describe.each(OPERATIONS)('what %s makes', (operationId, settings) => {
  it.each([
    [{ print_ratio: '2:3', max_side_px: 600 }, [400, 600]],
    [{ print_ratio: '2:3', max_side_px: 1800, enlarge: true }, [1200, 1800]],
    [{ print_ratio: '1:1', fit: 'pad', max_side_px: 500 }, [500, 500]],
  ])('is %j', async (output, size) => {
    const photo = plain(700, 1000, '#336699');
    expect((await make({ operationId, settings: { ...settings, output }, photo })).size).toEqual(size);
  });
});

describe.each(OPERATIONS.filter(([id]) => id !== 'frame'))('a frame around what %s makes', (operationId, settings) => {
  it('decides the size, keeps its colours, and shows the picture in its window', async () => {
    const job = {
      operationId,
      settings: { ...settings, output: { format: 'png' } },
      photo: plain(900, 600, '#336699'),
    };
    const { file, size } = await make({ ...job, frame: await makeFrame('#ff8000', 400, 600) });
    expect(size).toEqual([400, 600]);
    expect(await pixelAt(file, 5, 5)).toEqual([255, 128, 0]);
    expect(await pixelAt(file, 395, 595)).toEqual([255, 128, 0]);
    expect(await pixelAt(file, 200, 300)).toEqual(await pixelAt((await make(job)).file, 200, 200));
  });

  it('is refused where it is not there or would hide the photo', async () => {
    const job = { operationId, photo: plain(90, 60, '#336699') };
    const failed = { outcome: 'failed', failure: { kind: 'bad_request', retryable: false, charged: 'no' } };
    const id = crypto.randomUUID();
    const opaque = await plain(40, 40, '#00ff00').png().toBuffer();
    expect(await submit({ ...job, settings: { ...settings, finish_frame_media_id: id } })).toMatchObject(failed);
    expect(await submit({ ...job, settings, frame: opaque })).toMatchObject(failed);
  });
});

describe('a step after the operation', () => {
  it('does not cut off the watermark', async () => {
    const settings = { text: 'Лето', position: 'bottom_right', output: { format: 'png', print_ratio: '1:3' } };
    const { file, size } = await make({ operationId: 'watermark', settings, photo: plain(600, 900, '#336699') });
    expect(size).toEqual([300, 900]);
    const corner = await sharp(file).extract({ left: 150, top: 800, width: 150, height: 100 }).stats();
    expect(corner.channels[0]?.max).toBeGreaterThan(0x33 + 60);
  });

  it('does not recolour the edges that it paints', async () => {
    const output = { format: 'png', print_ratio: '1:1', fit: 'pad', pad_color: '#ff8000' };
    const settings = { effect: 'greyscale', output };
    const { file } = await make({ operationId: 'filter', settings, photo: plain(300, 600, '#336699') });
    expect(await pixelAt(file, 5, 300)).toEqual([255, 128, 0]);
    const [red, green, blue] = await pixelAt(file, 300, 300);
    expect([green, blue]).toEqual([red, red]);
  });

  it('takes a grey photo and a transparent one', async () => {
    const frame = await makeFrame('#ff8000', 400, 600);
    const settings = { print_ratio: '1:1', output: { format: 'png' } };
    const photos = [plain(300, 600, '#808080').greyscale(), plain(300, 600, '#808080').ensureAlpha(0.5)];
    for (const photo of photos) {
      const { file } = await make({ operationId: 'crop', settings, photo, frame });
      expect(await pixelAt(file, 5, 5)).toEqual([255, 128, 0]);
    }
  });
});
