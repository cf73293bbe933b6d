import { createHash } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type OpenAiBehaviour, startOpenAiSimulator } from '../../scripts/simulators/openai.ts';
import { createOpenAiProvider } from '../../src/providers/openai/openai-provider.ts';
import type { SourceImage } from '../../src/providers/provider.ts';
import { contextOf, editInput, failureOf, pictureOf } from '../support/gemini.ts';
import { useOpenAi } from '../support/openai.ts';

const bench = useOpenAi();

const sha256Of = async ({ path }: SourceImage): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

async function template(name: string, format: 'png' | 'webp'): Promise<SourceImage> {
  const bytes = await sharp({ create: { width: 40, height: 40, channels: 4, background: '#ff000080' } })
    .toFormat(format)
    .toBuffer();
  const path = join(bench.folder.path, name);
  await writeFile(path, bytes);
  return { path, mimeType: `image/${format}`, sizeBytes: bytes.length };
}

describe('a photo', () => {
  it('reaches the service byte for byte, with the prompt as it was written', async () => {
    const photo = await bench.folder.bigPhoto(1_572_865);
    const prompt = 'Make "it" a comic \\ with ümläuts, 漫画 and\n\u2028 new lines; name="n"\r\n--photochanger 😀';
    pictureOf(await bench.submit({ prompt }, photo));
    const request = await bench.simulator.waitForRequest(1, 'ended');
    expect(request).toMatchObject({
      outcome: 'answered',
      prompt,
      images: [{ mimeType: 'image/jpeg', sizeBytes: 1_572_865, sha256: await sha256Of(photo) }],
    });
    expect(request.headers['content-length']).toBe(String(request.bytesReceived));
  });

  it.each([1, 49_151, 49_152, 49_153, 393_215, 393_216, 393_217])(
    'of %i bytes has an exact content length',
    async (extra) => {
      const photo = await bench.folder.bigPhoto(393_216 + extra);
      pictureOf(await bench.submit({}, photo));
      expect(bench.simulator.requests[0]?.images[0]).toMatchObject({
        sizeBytes: photo.sizeBytes,
        sha256: await sha256Of(photo),
      });
    },
  );

  it('is never held whole: what is lent at once does not grow with it', async () => {
    const photo = await bench.folder.bigPhoto(30_000_000);
    pictureOf(await bench.submit({}, photo));
    expect(bench.simulator.requests[0]?.images[0]?.sizeBytes).toBe(30_000_000);
    expect(bench.slabs.largest()).toBeLessThan(3_000_000);
  });

  it('goes first, and templates follow it in their order, under names that are not those of the disk', async () => {
    const references = [await template('of-the-studio.png', 'png'), await template('of-the-guest.webp', 'webp')];
    const input = { ...editInput(bench.folder.photo), references: new Map([['template_media_ids', references]]) };
    pictureOf(await bench.provider.submit(input, contextOf()));
    const [request] = bench.simulator.requests;
    expect(request?.images.map(({ mimeType, sha256 }) => ({ mimeType, sha256 }))).toEqual(
      await Promise.all(
        [bench.folder.photo, ...references].map(async (image) => ({
          mimeType: image.mimeType,
          sha256: await sha256Of(image),
        })),
      ),
    );
    expect(request?.fileNames).toEqual(['photo.jpg', 'template-1.png', 'template-2.webp']);
  });

  it('that changed since it was checked is never sent as if it had not', async () => {
    const photo = await bench.folder.bigPhoto(600_000);
    await truncate(photo.path, 500_000);
    const refused = { kind: 'bad_request', retryable: false, charged: 'no' };
    expect(failureOf(await bench.submit({}, photo))).toMatchObject(refused);
    expect(failureOf(await bench.submit({}, { ...photo, path: `${photo.path}.gone` }))).toEqual({
      ...refused,
      reason: 'the image to send cannot be opened (ENOENT)',
    });
    await bench.simulator.waitForRequest(2, 'ended');
    expect(bench.simulator.requests.map((request) => request.receivedAt)).toEqual([undefined, undefined]);
  });

  it('too large for the service, or of a type it does not take, is not sent', async () => {
    const tooLarge = { ...bench.folder.photo, sizeBytes: bench.provider.description.inputBytesMax + 1 };
    for (const photo of [tooLarge, { ...bench.folder.photo, mimeType: 'image/heic' as const }])
      expect(failureOf(await bench.submit({}, photo))).toMatchObject({ kind: 'bad_request', charged: 'no' });
    expect(bench.simulator.requests).toEqual([]);
  });
});

describe('the settings', () => {
  it('become the fields of the form, and nothing else does', async () => {
    pictureOf(await bench.submit());
    const settings = {
      model: 'gpt-image-1.5',
      size: '1024x1536',
      quality: 'low',
      background: 'opaque',
      input_fidelity: 'high',
      moderation: 'low',
      output: { format: 'webp', quality: 80, max_side_px: 1800 },
    };
    pictureOf(await bench.submit(settings));
    const { output: _, ...sent } = settings;
    const prompt = 'Make it a comic.';
    expect(bench.simulator.requests.map(({ fields }) => fields)).toEqual([
      { model: 'gpt-image-2', prompt, n: '1', output_format: 'jpeg' },
      { ...sent, prompt, n: '1', output_format: 'webp' },
    ]);
  });

  it('that the service would refuse for their size cost no upload', async () => {
    const failure = failureOf(await bench.submit({ size: '1000x1000' }));
    expect(failure).toMatchObject({ kind: 'bad_request', reason: expect.stringContaining('divisible by 16') });
    expect(bench.simulator.requests).toEqual([]);
  });
});

describe('a base address', () => {
  it.each(['', '/', '/v1', '/v1/'])('may end in "%s"', async (end) => {
    const { simulator, slabs, folder } = bench;
    const baseUrl = simulator.url + end;
    simulator.setApiKey(undefined);
    const adapter = createOpenAiProvider({ baseUrl, apiKey: () => 'k', takeSlab: slabs.takeSlab });
    pictureOf(await adapter.submit(editInput(folder.photo), contextOf()));
    await adapter.close();
  });
});

describe('a picture', () => {
  it.each<OpenAiBehaviour>([
    { kind: 'success' },
    { kind: 'success', format: 'png' },
    { kind: 'success', format: 'webp', split: 1024 },
    { kind: 'success', orientation: 6, split: 7 },
    { kind: 'drip', bytesPerSecond: 200_000 },
  ])('comes out whole from %j', async (behaviour) => {
    bench.simulator.plan(behaviour);
    const picture = await sharp(pictureOf(await bench.submit()), { failOn: 'warning' }).toBuffer({
      resolveWithObject: true,
    });
    expect(picture.info.channels).toBe(3);
  });

  it('has the size and the format that were asked for', async () => {
    const picture = pictureOf(await bench.submit({ size: '640x1024', output: { format: 'webp' } }));
    expect(await sharp(picture).metadata()).toMatchObject({ width: 640, height: 1024, format: 'webp' });
  });

  it('that the service cut short is handed on as it came: judging bytes is not the adapter’s work', async () => {
    const whole = await sharp(bench.folder.photo.path).png().toBuffer();
    const other = await startOpenAiSimulator({ answer: whole, script: [{ kind: 'truncated_image' }] });
    const takeSlab = bench.slabs.takeSlab;
    const adapter = createOpenAiProvider({ baseUrl: other.url, apiKey: () => 'k', takeSlab });
    expect(pictureOf(await adapter.submit(editInput(bench.folder.photo), contextOf()))).toEqual(
      whole.subarray(0, whole.length >> 1),
    );
    await adapter.close();
    await other.stop();
  });
});
