import { createHash } from 'node:crypto';
import { readFile, truncate } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GeminiBehaviour, type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import type { HttpProvider } from '../../src/providers/http-provider.ts';
import {
  contextOf,
  countingSlabs,
  createPhotoFolder,
  editInput,
  failureOf,
  openFilesBelow,
  type PhotoFolder,
  pictureOf,
} from '../support/gemini.ts';

const KEY = 'AIzaSyTest-0123456789_abcdefghijklmnop';
let folder: PhotoFolder;
let simulator: GeminiSimulator;
let provider: HttpProvider;
let apiKey: string | undefined;
let slabs: ReturnType<typeof countingSlabs>;

beforeAll(async () => {
  folder = await createPhotoFolder();
});
afterAll(() => folder.remove());
beforeEach(async () => {
  apiKey = KEY;
  slabs = countingSlabs();
  simulator = await startGeminiSimulator({ apiKey: KEY });
  provider = createGeminiProvider({ baseUrl: simulator.url, apiKey: () => apiKey, takeSlab: slabs.takeSlab });
});
afterEach(async () => {
  await provider.close();
  await simulator.stop();
  expect(slabs.lent()).toBe(0);
  expect(openFilesBelow(folder.path)).toBe(0);
});

const submit = (settings: Record<string, unknown> = {}, photo = folder.photo) =>
  provider.submit(editInput(photo, settings), contextOf());

describe('a photo', () => {
  it('reaches the service byte for byte, with the prompt as it was written', async () => {
    const photo = await folder.bigPhoto(1_572_865);
    const prompt = 'Make "it" a comic \\ with ümläuts, 漫画 and\n\u2028 new lines \u0007😀';
    pictureOf(await submit({ prompt }, photo));
    const request = await simulator.waitForRequest(1, 'ended');
    const sha256 = createHash('sha256')
      .update(await readFile(photo.path))
      .digest('hex');
    expect(request).toMatchObject({
      outcome: 'answered',
      prompt,
      images: [{ mimeType: 'image/jpeg', sizeBytes: 1_572_865, sha256 }],
    });
    expect(request.headers['content-length']).toBe(String(request.bytesReceived));
  });

  it.each([1, 2, 3, 49_151, 49_152, 49_153, 393_215, 393_216, 393_217])(
    'of %i bytes has an exact content length',
    async (extra) => {
      const photo = await folder.bigPhoto(393_216 + extra);
      pictureOf(await submit({}, photo));
      expect(simulator.requests[0]?.images[0]?.sizeBytes).toBe(photo.sizeBytes);
    },
  );

  it('that changed since it was checked is never sent as if it had not', async () => {
    const photo = await folder.bigPhoto(600_000);
    await truncate(photo.path, 500_000);
    expect(failureOf(await submit({}, photo))).toMatchObject({ kind: 'bad_request', retryable: false, charged: 'no' });
    expect(failureOf(await submit({}, { ...photo, path: `${photo.path}.gone` }))).toEqual({
      kind: 'bad_request',
      retryable: false,
      charged: 'no',
      reason: 'the image to send cannot be opened (ENOENT)',
    });
    await simulator.waitForRequest(2, 'ended');
    expect(simulator.requests.map((request) => request.receivedAt)).toEqual([undefined, undefined]);
  });

  it('too large to travel inline is not sent', async () => {
    const failure = failureOf(await submit({}, { ...folder.photo, sizeBytes: provider.description.inputBytesMax + 1 }));
    expect(failure).toMatchObject({ kind: 'bad_request', retryable: false, charged: 'no' });
    expect(simulator.requests).toEqual([]);
  });
});

describe('the settings', () => {
  it('decide the model and the shape of the picture', async () => {
    pictureOf(await submit());
    pictureOf(
      await submit({ model: 'gemini-3-pro-image', aspect_ratio: '2:3', image_size: '2K', output: { format: 'png' } }),
    );
    expect(simulator.requests.map(({ path, generationConfig }) => ({ path, generationConfig }))).toEqual([
      {
        path: '/v1beta/models/gemini-3.1-flash-image:generateContent',
        generationConfig: { responseModalities: ['IMAGE'] },
      },
      {
        path: '/v1beta/models/gemini-3-pro-image:generateContent',
        generationConfig: { responseModalities: ['IMAGE'], imageConfig: { aspectRatio: '2:3', imageSize: '2K' } },
      },
    ]);
  });

  it('never send a picture size, nor a HEIC, to the model that refuses them', async () => {
    const model = 'gemini-2.5-flash-image';
    pictureOf(await submit({ model, image_size: '2K' }));
    expect(simulator.requests[0]?.generationConfig).toEqual({ responseModalities: ['IMAGE'] });
    expect(failureOf(await submit({ model }, { ...folder.photo, mimeType: 'image/heic' }))).toMatchObject({
      kind: 'bad_request',
    });
    expect(simulator.requests).toHaveLength(1);
  });

  it('cannot lead a call to another path', async () => {
    expect(failureOf(await submit({ model: '../../v1/files?x=#' })).kind).toBe('bad_request');
    expect(simulator.requests[0]?.path).toBe('/v1beta/models/..%2F..%2Fv1%2Ffiles%3Fx%3D%23:generateContent');
  });
});

describe('a picture', () => {
  it.each<GeminiBehaviour>([
    { kind: 'success' },
    { kind: 'success', format: 'png', snakeCase: true },
    { kind: 'success', thoughtFirst: true, orientation: 6 },
    { kind: 'success', split: 7 },
    { kind: 'success', format: 'webp', snakeCase: true, thoughtFirst: true, split: 1024 },
    { kind: 'drip', bytesPerSecond: 200_000 },
  ])('comes out whole from %j', async (behaviour) => {
    simulator.plan(behaviour);
    const picture = await sharp(pictureOf(await submit()), { failOn: 'warning' }).toBuffer({ resolveWithObject: true });
    expect(picture.info).toMatchObject({ channels: 3 });
  });

  it('that the service cut short is handed on as it came: judging bytes is not the adapter’s work', async () => {
    const whole = await sharp(folder.photo.path).png().toBuffer();
    const other = await startGeminiSimulator({ answer: whole, script: [{ kind: 'truncated_image' }] });
    const adapter = createGeminiProvider({ baseUrl: other.url, apiKey: () => 'k', takeSlab: slabs.takeSlab });
    expect(pictureOf(await adapter.submit(editInput(folder.photo), contextOf()))).toEqual(
      whole.subarray(0, whole.length >> 1),
    );
    await adapter.close();
    await other.stop();
  });
});
