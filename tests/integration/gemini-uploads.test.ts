import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GeminiBehaviour, type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import type { HttpProvider } from '../../src/providers/http-provider.ts';
import type { SourceImage } from '../../src/providers/provider.ts';
import {
  contextOf,
  countingSlabs,
  createPhotoFolder,
  editInput,
  failureOf,
  openFilesBelow,
  type PhotoFolder,
  pictureOf,
  templateInput,
} from '../support/gemini.ts';

const KEY = 'AIzaSyTest-0123456789_abcdefghijklmnop';
/** One byte more than travels inside a request. */
const LARGE_BYTES = 11_250_001;
let folder: PhotoFolder;
let large: SourceImage;
let simulator: GeminiSimulator;
let provider: HttpProvider;
let slabs: ReturnType<typeof countingSlabs>;

beforeAll(async () => {
  folder = await createPhotoFolder();
  large = await folder.bigPhoto(LARGE_BYTES);
});
afterAll(() => folder.remove());
beforeEach(async () => {
  slabs = countingSlabs();
  simulator = await startGeminiSimulator({ apiKey: KEY, answer: await readFile(folder.photo.path) });
  provider = createGeminiProvider({ baseUrl: simulator.url, apiKey: () => KEY, takeSlab: slabs.takeSlab });
});
afterEach(async () => {
  await provider.close();
  await simulator.stop();
  expect(simulator.files.size).toBe(0);
  expect(slabs.lent()).toBe(0);
  expect(openFilesBelow(folder.path)).toBe(0);
});

const submit = (photo = large, signal?: AbortSignal) => provider.submit(editInput(photo), contextOf(signal));
/** What was asked, without ids. */
const asked = (): string[] =>
  simulator.requests.map(({ method, path }) => `${method} ${path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '*')}`);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const START = 'POST /upload/v1beta/files';
const UPLOAD = 'POST /upload/v1beta/files?upload_id=*&upload_protocol=resumable';
const STATE = 'GET /v1beta/files/*';
const CALL = 'POST /v1beta/models/gemini-3.1-flash-image:generateContent';
const DELETE = 'DELETE /v1beta/files/*';

describe('an image that does not fit into the request', () => {
  it('is uploaded, used and deleted again', async () => {
    pictureOf(await submit());
    await provider.close();
    expect(asked()).toEqual([START, UPLOAD, CALL, DELETE]);
    const [start, upload, call] = simulator.requests;
    expect(start?.headers).toMatchObject({
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-command': 'start',
      'x-goog-upload-header-content-length': String(LARGE_BYTES),
      'x-goog-upload-header-content-type': 'image/jpeg',
    });
    expect(upload?.headers).toMatchObject({
      'x-goog-upload-offset': '0',
      'x-goog-upload-command': 'upload, finalize',
      'content-length': String(LARGE_BYTES),
    });
    expect(call?.images).toEqual([
      { mimeType: 'image/jpeg', sizeBytes: LARGE_BYTES, sha256: sha256(await readFile(large.path)) },
    ]);
    expect(call?.bytesReceived).toBeLessThan(1_000);
  });

  it('shows the key to the service’s own paths only, not to the URL that the service named', async () => {
    pictureOf(await submit());
    await provider.close();
    expect(simulator.requests.map(({ keyAccepted }) => keyAccepted)).toEqual([true, false, true, true]);
    expect(JSON.stringify(simulator.requests)).not.toContain(KEY);
  });

  it('is not told by its file’s name', async () => {
    simulator.plan({ kind: 'no_image' });
    failureOf(await submit());
    expect(JSON.stringify(simulator.requests)).not.toContain('photo-');
    expect([...simulator.files.values()].map(({ displayName }) => displayName)).toEqual(['photochanger']);
  });

  it('is asked for until the service has looked at it', async () => {
    simulator.plan({ kind: 'file_processing', asks: 2 });
    pictureOf(await submit());
    await provider.close();
    expect(asked()).toEqual([START, UPLOAD, STATE, STATE, CALL, DELETE]);
  });

  it('goes beside the others, which stay in the request, in the order of the operation', async () => {
    const style = await folder.bigPhoto(3_000_000, 'style');
    pictureOf(await provider.submit(templateInput('style_transfer', large, { style_media_id: style }), contextOf()));
    pictureOf(
      await provider.submit(templateInput('identity_transfer', folder.photo, { base_media_id: large }), contextOf()),
    );
    await provider.close();
    const calls = simulator.requests.filter(({ path }) => path.includes(':generateContent'));
    expect(calls.map(({ images }) => images.map(({ sizeBytes }) => sizeBytes))).toEqual([
      [LARGE_BYTES, 3_000_000],
      [LARGE_BYTES, folder.photo.sizeBytes],
    ]);
    expect(asked().filter((step) => step === START)).toHaveLength(2);
  });

  it('is never whole in memory, however many there are', async () => {
    const templates = await Promise.all(['a', 'b', 'c', 'd'].map((name) => folder.bigPhoto(12_000_000, name)));
    pictureOf(
      await provider.submit(templateInput('image_edit', large, { template_media_ids: templates }), contextOf()),
    );
    await provider.close();
    const call = simulator.requests.find(({ path }) => path.includes(':generateContent'));
    const expected = await Promise.all([large, ...templates].map(async ({ path }) => sha256(await readFile(path))));
    expect(call?.images.map((image) => image.sha256)).toEqual(expected);
    expect(asked().filter((step) => step === UPLOAD)).toHaveLength(5);
    expect(slabs.largest()).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  it('is uploaded anew by the next call', async () => {
    pictureOf(await submit());
    pictureOf(await submit());
    await provider.close();
    expect(asked().filter((step) => step === UPLOAD)).toHaveLength(2);
    expect(asked().filter((step) => step === DELETE)).toHaveLength(2);
  });

  it('finds its way below a base address with a path', async () => {
    const seen: string[] = [];
    const gateway = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      request.resume().once('end', () => response.writeHead(500).end());
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/google/`;
    const adapter = createGeminiProvider({ baseUrl, apiKey: () => KEY, takeSlab: slabs.takeSlab });
    expect(failureOf(await adapter.submit(editInput(large), contextOf()))).toMatchObject({ kind: 'unavailable' });
    await adapter.close();
    expect(seen[0]).toBe('POST /google/upload/v1beta/files');
    await new Promise((resolve) => gateway.close(resolve));
  });
});

const UNAVAILABLE = { kind: 'unavailable', retryable: true, charged: 'no' };

describe('a call that is given up', () => {
  it.each<[GeminiBehaviour, number]>([
    [{ kind: 'file_hang', step: 'start' }, 1],
    [{ kind: 'file_hang', step: 'upload' }, 2],
    [{ kind: 'file_stuck' }, 3],
    [{ kind: 'file_hang', step: 'state' }, 3],
    [{ kind: 'hang' }, 3],
  ])('stops at once and leaves no file: %j', async (behaviour, n) => {
    simulator.plan(behaviour);
    const giveUp = new AbortController();
    const outcome = expect(submit(large, giveUp.signal)).rejects.toThrow('the window closed');
    await simulator.waitForRequest(n);
    giveUp.abort(new Error('the window closed'));
    await outcome;
    await provider.close();
    expect(asked().at(-1)).toBe(DELETE);
  });

  it('before it began asks nothing', async () => {
    await expect(submit(large, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    expect(simulator.requests).toEqual([]);
  });

  it('by its time, while it uploads, is told as not charged', async () => {
    simulator.plan({ kind: 'file_stuck' });
    const deadlineAt = performance.now() + 600;
    const outcome = await provider.submit(editInput(large), { signal: new AbortController().signal, deadlineAt });
    expect(failureOf(outcome)).toMatchObject({ ...UNAVAILABLE, reason: 'the upload was not over in time' });
  });

  it('by a closing provider comes out as unavailable', async () => {
    simulator.plan({ kind: 'file_hang', step: 'start' });
    const outcome = submit();
    await simulator.waitForRequest(1);
    await provider.close();
    expect(failureOf(await outcome)).toMatchObject(UNAVAILABLE);
  });
});

describe('deleting', () => {
  it('does not hold the picture up, and is tried once more', async () => {
    simulator.plan({ kind: 'file_status', step: 'delete', status: 503, times: 1 });
    pictureOf(await submit());
    await provider.close();
    expect(asked()).toEqual([START, UPLOAD, CALL, DELETE, DELETE]);
  });

  it('knows the name that the service gave instead of ours', async () => {
    simulator.plan({ kind: 'file_renamed' });
    pictureOf(await submit());
    await provider.close();
    expect(simulator.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(2);
  });

  it('knows a file whose upload was answered with a cut', async () => {
    simulator.plan({ kind: 'file_cut', step: 'upload' });
    failureOf(await submit());
    expect(simulator.files.size).toBe(1);
    await provider.close();
    expect(simulator.files.size).toBe(0);
  });

  it('ends within seconds where the service does not answer', async () => {
    simulator.plan({ kind: 'file_hang', step: 'delete' });
    pictureOf(await submit());
    const closingAt = performance.now();
    await provider.close();
    expect(performance.now() - closingAt).toBeLessThan(10_000);
    (simulator.files as Map<string, unknown>).clear();
  });
});
