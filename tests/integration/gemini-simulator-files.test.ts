import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { createPhotoFolder, type PhotoFolder } from '../support/gemini.ts';

let folder: PhotoFolder;
let photo: Buffer<ArrayBuffer>;
let simulator: GeminiSimulator;

beforeAll(async () => {
  folder = await createPhotoFolder();
  photo = Buffer.from(await readFile(folder.photo.path));
});
afterAll(() => folder.remove());
beforeEach(async () => {
  simulator = await startGeminiSimulator({ apiKey: 'k' });
});
afterEach(() => simulator.stop());

const KEY = { 'x-goog-api-key': 'k' };

async function ask(
  method: string,
  path: string,
  headers: Record<string, string> = KEY,
  body?: string | Buffer<ArrayBuffer>,
) {
  const url = path.startsWith('http') ? path : simulator.url + path;
  const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: the assertions below are what gives it a shape
  const json: any = text.startsWith('{') ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, json };
}

const start = (headers: Record<string, string> = {}, file: object = { name: 'files/abc-1', display_name: 'mine' }) =>
  ask(
    'POST',
    '/upload/v1beta/files',
    {
      ...KEY,
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-command': 'start',
      'x-goog-upload-header-content-length': String(photo.length),
      'x-goog-upload-header-content-type': 'image/jpeg',
      ...headers,
    },
    JSON.stringify({ file }),
  );

async function begin(): Promise<string> {
  const { headers } = await start();
  return headers.get('x-goog-upload-url') ?? expect.fail('no upload URL');
}

const send = (url: string, command: string, offset: number, bytes = photo) =>
  ask('POST', url, { 'x-goog-upload-command': command, 'x-goog-upload-offset': String(offset) }, bytes);

async function upload(): Promise<{ name: string; uri: string }> {
  return (await send(await begin(), 'upload, finalize', 0)).json.file;
}

const call = (uri: string, mimeType = 'image/jpeg') =>
  ask(
    'POST',
    '/v1beta/models/gemini-3.1-flash-image:generateContent',
    { ...KEY, 'content-type': 'application/json' },
    JSON.stringify({ contents: [{ parts: [{ text: 'a prompt' }, { fileData: { mimeType, fileUri: uri } }] }] }),
  );

describe('a file', () => {
  it('is uploaded in one piece, told, used as often as wished, and deleted', async () => {
    const file = await upload();
    expect(file).toMatchObject({
      name: 'files/abc-1',
      displayName: 'mine',
      mimeType: 'image/jpeg',
      sizeBytes: String(photo.length),
      state: 'ACTIVE',
      uri: `${simulator.url}/v1beta/files/abc-1`,
    });
    expect((await ask('GET', '/v1beta/files/abc-1')).json).toMatchObject({ name: 'files/abc-1', state: 'ACTIVE' });
    for (let i = 0; i < 2; i++) expect((await call(file.uri)).json.candidates[0].finishReason).toBe('STOP');
    expect(await ask('DELETE', '/v1beta/files/abc-1')).toMatchObject({ status: 200, json: {} });
    expect(simulator.files.size).toBe(0);
    expect(await call(file.uri)).toMatchObject({ status: 403, json: { error: { status: 'PERMISSION_DENIED' } } });
  });

  it('is uploaded in several pieces, each at its own offset', async () => {
    const url = await begin();
    const middle = photo.length >> 1;
    const first = await send(url, 'upload', 0, photo.subarray(0, middle));
    expect([first.status, first.headers.get('x-goog-upload-status')]).toEqual([200, 'active']);
    const wrong = await send(url, 'upload, finalize', middle + 1, photo.subarray(middle));
    expect([wrong.status, wrong.headers.get('x-goog-upload-size-received')]).toEqual([400, String(middle)]);
    const query = await send(url, 'query', 0, Buffer.alloc(0));
    expect(query.headers.get('x-goog-upload-size-received')).toBe(String(middle));
    const last = await send(url, 'upload, finalize', middle, photo.subarray(middle));
    expect([last.status, last.headers.get('x-goog-upload-status')]).toEqual([200, 'final']);
    expect(simulator.files.get('files/abc-1')?.bytes.equals(photo)).toBe(true);
  });

  it('cannot be shorter or longer than was said, and its session ends with it', async () => {
    const url = await begin();
    expect((await send(url, 'upload, finalize', 0, photo.subarray(1))).status).toBe(400);
    const other = (await start({}, { name: 'files/abc-2' })).headers.get('x-goog-upload-url') ?? '';
    expect((await send(other, 'upload, finalize', 0, Buffer.concat([photo, photo]))).status).toBe(400);
    expect((await send(other, 'upload, finalize', 0)).status).toBe(200);
    expect((await send(other, 'upload, finalize', 0)).status).toBe(404);
  });

  it('is PROCESSING before it is ACTIVE or FAILED, and of no use until it is ACTIVE', async () => {
    simulator.plan({ kind: 'file_processing', asks: 2 }, { kind: 'file_failed', asks: 1, code: 3, message: 'Broken.' });
    const { uri } = await upload();
    expect(await call(uri)).toMatchObject({ status: 400, json: { error: { status: 'FAILED_PRECONDITION' } } });
    expect((await ask('GET', '/v1beta/files/abc-1')).json.state).toBe('PROCESSING');
    expect((await ask('GET', '/v1beta/files/abc-1')).json.state).toBe('ACTIVE');
    expect((await call(uri)).status).toBe(200);
    await ask('DELETE', '/v1beta/files/abc-1');
    await upload();
    const failed = await ask('GET', '/v1beta/files/abc-1');
    expect(failed.json).toMatchObject({ state: 'FAILED', error: { code: 3, message: 'Broken.' } });
    expect((await call(uri)).status).toBe(400);
  });

  it('of another type than it is called is refused', async () => {
    const { uri } = await upload();
    expect((await call(uri, 'image/png')).status).toBe(400);
  });
});

describe('a request about files that the service would refuse', () => {
  it.each<[string, () => Promise<{ status: number }>, number]>([
    ['no key at the start', () => start({ 'x-goog-api-key': '' }), 400],
    ['another protocol', () => start({ 'x-goog-upload-protocol': 'raw' }), 400],
    ['another command', () => start({ 'x-goog-upload-command': 'begin' }), 400],
    ['no length', () => start({ 'x-goog-upload-header-content-length': '' }), 400],
    ['no type', () => start({ 'x-goog-upload-header-content-type': 'jpeg' }), 400],
    ['a name that is none', () => start({}, { name: 'files/-a' }), 400],
    ['a name that is taken', () => upload().then(() => start()), 409],
    ['a session that is none', () => send('/upload/v1beta/files?upload_id=x', 'upload, finalize', 0), 404],
    ['a file that is none', () => ask('GET', '/v1beta/files/none'), 403],
    ['a file without a key', () => ask('GET', '/v1beta/files/none', {}), 400],
    ['another method', () => upload().then(() => ask('PUT', '/v1beta/files/abc-1')), 404],
  ])('%s', async (_what, request, status) => {
    expect((await request()).status).toBe(status);
  });
});

describe('a script', () => {
  it('may hold behaviours of calls and of files: each request takes the next of its own', async () => {
    await simulator.stop();
    simulator = await startGeminiSimulator({ script: [{ kind: 'no_image' }, { kind: 'file_stuck' }], apiKey: 'k' });
    simulator.setDefault({ kind: 'file_failed' });
    simulator.setDefault({ kind: 'text_only' });
    expect(await upload()).toMatchObject({ state: 'PROCESSING' });
    await ask('DELETE', '/v1beta/files/abc-1');
    expect(await upload()).toMatchObject({ state: 'FAILED' });
    await ask('DELETE', '/v1beta/files/abc-1');
    simulator.plan({ kind: 'file_active' });
    const { uri } = await upload();
    expect((await call(uri)).json.candidates[0].finishReason).toBe('NO_IMAGE');
    expect((await call(uri)).json.candidates[0].content.parts).toHaveLength(1);
  });
});
