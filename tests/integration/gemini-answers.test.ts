import { type AddressInfo, createServer } from 'node:net';
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

const EMPTY = { kind: 'empty', retryable: true, charged: 'maybe' };
const REFUSED = { kind: 'refused', retryable: false, charged: 'maybe' };
const UNAVAILABLE = { kind: 'unavailable', retryable: true };
const BAD_ANSWER = { kind: 'bad_answer', retryable: true, charged: 'maybe' };

describe('an answer without a picture', () => {
  it.each<[GeminiBehaviour, object]>([
    [{ kind: 'no_image' }, { ...EMPTY, reason: 'finishReason NO_IMAGE' }],
    [
      { kind: 'text_only', text: 'I  see\r\nno photo.' },
      { ...EMPTY, reason: 'finishReason STOP: I  see no photo.' },
    ],
    ...['IMAGE_OTHER', 'OTHER', 'MAX_TOKENS', 'NO_IMAGE', 'STOP', 'NEVER_HEARD_OF'].map(
      (reason): [GeminiBehaviour, object] => [
        { kind: 'finish', reason },
        { ...EMPTY, reason: `finishReason ${reason}` },
      ],
    ),
    ...[
      'SAFETY',
      'RECITATION',
      'LANGUAGE',
      'PROHIBITED_CONTENT',
      'BLOCKLIST',
      'SPII',
      'IMAGE_SAFETY',
      'IMAGE_PROHIBITED_CONTENT',
    ].map((reason): [GeminiBehaviour, object] => [
      { kind: 'finish', reason, message: 'Try another prompt.' },
      { ...REFUSED, reason: `finishReason ${reason}: Try another prompt.` },
    ]),
    [{ kind: 'finish', reason: 'IMAGE_RECITATION' }, REFUSED],
    ...['SAFETY', 'OTHER', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'IMAGE_SAFETY', 'NEVER_HEARD_OF'].map(
      (reason): [GeminiBehaviour, object] => [
        { kind: 'safety_block', reason },
        { ...REFUSED, reason: `blockReason ${reason}` },
      ],
    ),
    [{ kind: 'empty_body' }, { ...EMPTY, reason: 'the answer is empty' }],
    [{ kind: 'html' }, { ...BAD_ANSWER, reason: 'the answer is not a JSON object' }],
    [{ kind: 'garbage_json' }, BAD_ANSWER],
    [{ kind: 'endless' }, { ...BAD_ANSWER, retryable: false }],
  ])('%j is told apart', async (behaviour, expected) => {
    simulator.plan(behaviour);
    expect(failureOf(await submit())).toMatchObject(expected);
    await simulator.waitForRequest(1, 'ended');
  });
});

describe('an error', () => {
  it.each<[GeminiBehaviour, object]>([
    [{ kind: 'bad_key' }, { kind: 'invalid_key', retryable: false, charged: 'no' }],
    [{ kind: 'bad_request' }, { kind: 'bad_request', retryable: false, charged: 'no' }],
    [
      { kind: 'status', status: 400, name: 'FAILED_PRECONDITION', message: 'User location is not supported.' },
      {
        kind: 'bad_request',
        retryable: false,
        charged: 'no',
        reason: 'HTTP 400 FAILED_PRECONDITION: User location is not supported.',
      },
    ],
    [
      { kind: 'status', status: 408 },
      { ...UNAVAILABLE, charged: 'no' },
    ],
    [
      { kind: 'status', status: 401 },
      { kind: 'invalid_key', retryable: false, charged: 'no' },
    ],
    [
      { kind: 'status', status: 403 },
      { kind: 'invalid_key', retryable: false, charged: 'no' },
    ],
    [
      { kind: 'status', status: 413, early: true },
      { kind: 'bad_request', retryable: false, charged: 'no' },
    ],
    [
      { kind: 'status', status: 409 },
      { ...UNAVAILABLE, charged: 'no' },
    ],
    [
      { kind: 'status', status: 500 },
      { ...UNAVAILABLE, charged: 'maybe' },
    ],
    [
      { kind: 'status', status: 503 },
      {
        ...UNAVAILABLE,
        charged: 'maybe',
        reason: 'HTTP 503 UNAVAILABLE: The model is overloaded. Please try again later.',
      },
    ],
    [
      { kind: 'status', status: 504 },
      { ...UNAVAILABLE, charged: 'maybe' },
    ],
    [
      { kind: 'status', status: 302 },
      { kind: 'bad_answer', retryable: false },
    ],
    [
      { kind: 'cut', afterBytes: 0 },
      { ...UNAVAILABLE, charged: 'maybe' },
    ],
    [
      { kind: 'cut', afterBytes: 400 },
      { ...UNAVAILABLE, charged: 'maybe' },
    ],
  ])('%j is told apart', async (behaviour, expected) => {
    simulator.plan(behaviour);
    expect(failureOf(await submit())).toMatchObject(expected);
  });

  it('404 says that the model may be gone', async () => {
    simulator.plan({ kind: 'status', status: 404 });
    const failure = failureOf(await submit({ model: 'gemini-2.0-flash-image' }));
    expect(failure).toMatchObject({ kind: 'bad_request', retryable: false, charged: 'no' });
    expect(failure.reason).toMatch(
      /^HTTP 404 NOT_FOUND: the model "gemini-2.0-flash-image" is unknown or was retired: models\//,
    );
  });

  it.each<[Omit<Extract<GeminiBehaviour, { kind: 'throttled' }>, 'kind'>, object]>([
    [{}, { retryable: true }],
    [{ retryDelaySeconds: 0 }, { retryable: true, retryAfterMs: 0 }],
    [{ retryDelaySeconds: 17.25 }, { retryable: true, retryAfterMs: 17_250 }],
    [{ retryAfter: '8' }, { retryable: true, retryAfterMs: 8_000 }],
    [
      { retryDelaySeconds: 3, retryAfter: '8' },
      { retryable: true, retryAfterMs: 3_000 },
    ],
    [{ retryAfter: 'Thu, 01 Jan 2026 00:00:00 GMT' }, { retryable: true, retryAfterMs: 0 }],
    [{ retryAfter: 'soon' }, { retryable: true }],
    [
      { perDay: true, retryDelaySeconds: 40 },
      { retryable: false, exhausted: true, retryAfterMs: 40_000 },
    ],
  ])('429 with %j carries its hint', async (behaviour, expected) => {
    simulator.plan({ kind: 'throttled', ...behaviour });
    const { reason, ...failure } = failureOf(await submit());
    expect(failure).toEqual({ kind: 'throttled', charged: 'no', ...expected });
    expect(reason).toContain(
      `GenerateRequests${behaviour.perDay === true ? 'PerDay' : 'PerMinute'}PerProjectPerModel: You exceeded`,
    );
  });

  it('is unavailable and not charged where nobody listens', async () => {
    await simulator.stop();
    const failure = failureOf(await submit());
    expect(failure).toMatchObject({ ...UNAVAILABLE, charged: 'no', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('is not charged when the connection broke before the whole request was sent', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const adapter = createGeminiProvider({ baseUrl, apiKey: () => 'k', takeSlab: slabs.takeSlab });
    const outcome = await adapter.submit(editInput(await folder.bigPhoto(11_000_000)), contextOf());
    expect(failureOf(outcome)).toMatchObject({ ...UNAVAILABLE, charged: 'no' });
    await adapter.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the key', () => {
  it('travels in its header only and is never repeated', async () => {
    const behaviours: GeminiBehaviour[] = [
      { kind: 'status', status: 403, message: `Key ${KEY} was reported as leaked. ${'x'.repeat(460)}${KEY}` },
      { kind: 'text_only', text: `${'x'.repeat(470)} ${KEY}` },
      { kind: 'finish', reason: 'SAFETY', message: `AIzaSyAnother-Key_0123456789abcdefg and ${KEY}` },
    ];
    simulator.plan(...behaviours);
    for (const _ of behaviours) {
      const { reason } = failureOf(await submit());
      expect(reason).not.toMatch(/AIza/);
      expect(reason.length).toBeLessThanOrEqual(500);
    }
    for (const request of simulator.requests) {
      expect(request.keyAccepted).toBe(true);
      expect(JSON.stringify(request)).not.toContain(KEY);
    }
  });

  it('is asked for at every call', async () => {
    pictureOf(await submit());
    simulator.setApiKey('rotated');
    expect(failureOf(await submit())).toMatchObject({ kind: 'invalid_key', retryable: false, charged: 'no' });
    apiKey = 'rotated';
    pictureOf(await submit());
    apiKey = undefined;
    expect(provider.isConfigured()).toBe(false);
    expect(failureOf(await submit())).toMatchObject({ kind: 'invalid_key', reason: 'no API key is set' });
    expect(simulator.requests).toHaveLength(3);
  });

  it('that cannot be a header is refused without being repeated', async () => {
    for (const key of ['a\r\nx-evil: 1', 'ключ', 'a b']) {
      apiKey = key;
      const failure = failureOf(await submit());
      expect(failure).toMatchObject({ kind: 'invalid_key', charged: 'no' });
      expect(failure.reason).not.toContain(key);
    }
    expect(simulator.requests).toEqual([]);
  });
});
