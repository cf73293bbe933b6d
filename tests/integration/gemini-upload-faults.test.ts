import { readFile, truncate } from 'node:fs/promises';
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

const submit = (photo = large) => provider.submit(editInput(photo), contextOf());

const UNAVAILABLE = { kind: 'unavailable', retryable: true, charged: 'no' };
const BAD_ANSWER = { kind: 'bad_answer', retryable: false, charged: 'no' };

describe('a fault of an upload is never charged', () => {
  it.each<[GeminiBehaviour, object, reason: RegExp]>([
    [{ kind: 'file_status', step: 'start', status: 503 }, UNAVAILABLE, /^the upload could not begin: HTTP 503 UNAVAIL/],
    [{ kind: 'file_status', step: 'start', status: 403 }, { kind: 'invalid_key', charged: 'no' }, /HTTP 403/],
    [{ kind: 'file_status', step: 'start', status: 429 }, { kind: 'throttled', retryable: true }, /HTTP 429/],
    [{ kind: 'file_status', step: 'start', status: 400 }, { kind: 'bad_request', retryable: false }, /HTTP 400/],
    [{ kind: 'file_status', step: 'start', status: 302 }, BAD_ANSWER, /HTTP 302/],
    [{ kind: 'file_status', step: 'upload', status: 500 }, UNAVAILABLE, /^the upload failed: HTTP 500/],
    [{ kind: 'file_status', step: 'upload', status: 410 }, UNAVAILABLE, /^the upload failed: HTTP 410/],
    [{ kind: 'file_status', step: 'upload', status: 404 }, UNAVAILABLE, /^the upload failed: HTTP 404/],
    [{ kind: 'file_status', step: 'upload', status: 413 }, { kind: 'bad_request', retryable: false }, /HTTP 413/],
    [
      { kind: 'file_status', step: 'state', status: 404, times: 1 },
      UNAVAILABLE,
      /^the state of the upload is not known/,
    ],
    [{ kind: 'file_status', step: 'state', status: 503, times: 9 }, UNAVAILABLE, /HTTP 503/],
    [{ kind: 'file_cut', step: 'start' }, UNAVAILABLE, /^the connection failed/],
    [{ kind: 'file_cut', step: 'upload' }, UNAVAILABLE, /^the connection failed/],
    [{ kind: 'file_incomplete' }, UNAVAILABLE, /not complete: active$/],
    [{ kind: 'file_failed' }, UNAVAILABLE, /could not process the upload: File failed processing\.$/],
    [{ kind: 'file_failed', asks: 1 }, UNAVAILABLE, /could not process/],
    [
      { kind: 'file_failed', code: 3, message: 'Broken image.' },
      { kind: 'bad_request', retryable: false, charged: 'no' },
      /Broken image\.$/,
    ],
    [{ kind: 'file_expired' }, UNAVAILABLE, /^HTTP 403 PERMISSION_DENIED: .* may not exist/],
    [{ kind: 'file_early' }, UNAVAILABLE, /^HTTP 400 FAILED_PRECONDITION: .* not in an ACTIVE state/],
  ])('%j', async (behaviour, expected, reason) => {
    simulator.plan(behaviour);
    const failure = failureOf(await submit());
    expect(failure).toMatchObject({ ...expected, charged: 'no' });
    expect(failure.reason).toMatch(reason);
    expect(failure.reason).not.toMatch(/upload_id|AIza/);
  });

  it.each([
    ['text that is no JSON', '{"file":'],
    ['a name that leads elsewhere', '{"file":{"name":"files/../x","uri":"u","state":"ACTIVE"}}'],
    ['a URI without end', `{"file":{"name":"files/a","uri":"${'u'.repeat(1001)}","state":"ACTIVE"}}`],
    ['a name and no URI', '{"file":{"name":"files/a","state":"ACTIVE"}}'],
    ['more than a short text', 'x'.repeat(70_000)],
  ])('when the answer is %s', async (_what, text) => {
    simulator.plan({ kind: 'file_garbage', text });
    expect(failureOf(await submit())).toMatchObject({ ...BAD_ANSWER, reason: 'the answer names no file' });
  });

  it.each([429, 500, 503])('but %i is forgiven where only the state was asked for', async (status) => {
    simulator.plan({ kind: 'file_status', step: 'state', status, times: 2 });
    pictureOf(await submit());
  });

  it('when its photo changed on disk', async () => {
    const photo = await folder.bigPhoto(12_000_000, 'shrinking');
    await truncate(photo.path, 500);
    expect(failureOf(await submit(photo))).toMatchObject({ kind: 'bad_request', retryable: false, charged: 'no' });
  });

  it('when the key is not known', async () => {
    simulator.setApiKey('another');
    expect(failureOf(await submit())).toMatchObject({ kind: 'invalid_key', retryable: false, charged: 'no' });
  });

  it('and what the call itself may have cost stays as it is', async () => {
    simulator.plan({ kind: 'status', status: 503 }, { kind: 'no_image' });
    expect(failureOf(await submit())).toMatchObject({ kind: 'unavailable', charged: 'maybe' });
    expect(failureOf(await submit())).toMatchObject({ kind: 'empty', charged: 'maybe' });
  });
});

describe('the URL to upload to', () => {
  it.each([
    'https://photos.evil.example/upload?upload_id=secret',
    'http://127.0.0.1:1/upload?upload_id=secret',
    'http://169.254.169.254/upload?upload_id=secret',
    'https://generativelanguage.googleapis.com.evil.example/?upload_id=secret',
    'file:///etc/passwd?upload_id=secret',
    '/upload/v1beta/files?upload_id=secret',
    'upload_id=secret',
    undefined,
  ])('%s leads nowhere: it is not that of the service', async (url) => {
    simulator.plan({ kind: 'file_elsewhere', ...(url !== undefined && { url }) });
    const failure = failureOf(await submit());
    expect(failure).toMatchObject(BAD_ANSWER);
    expect(failure.reason).toMatch(url === undefined ? /names no URL/ : /^the upload URL was refused: /);
    expect(failure.reason).not.toContain('secret');
    await provider.close();
    expect(simulator.requests.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
  });

  it('with a user is refused, on the right host too', async () => {
    const url = simulator.url.replace('http://', 'http://a:b@');
    simulator.plan({ kind: 'file_elsewhere', url });
    expect(failureOf(await submit())).toMatchObject(BAD_ANSWER);
  });
});
