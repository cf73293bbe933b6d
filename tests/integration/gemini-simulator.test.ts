import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type GeminiSimulator,
  type GeminiSimulatorOptions,
  startGeminiSimulator,
} from '../../scripts/simulators/gemini.ts';
import { createPhotoFolder, type PhotoFolder } from '../support/gemini.ts';

const LAUNCHER = fileURLToPath(new URL('../../scripts/simulators/main.ts', import.meta.url));
const started: GeminiSimulator[] = [];
let folder: PhotoFolder;
let photo: string;

beforeAll(async () => {
  folder = await createPhotoFolder();
  photo = (await readFile(folder.photo.path)).toString('base64');
});
afterAll(() => folder.remove());
afterEach(() => Promise.all(started.splice(0).map((simulator) => simulator.stop())));

async function start(options: GeminiSimulatorOptions = {}): Promise<GeminiSimulator> {
  const simulator = await startGeminiSimulator(options);
  started.push(simulator);
  return simulator;
}

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the assertions below are what gives it a shape
  readonly json: any;
}

function bodyOf(part: object = { inlineData: { mimeType: 'image/jpeg', data: photo } }, text = 'a prompt'): object {
  return { contents: [{ parts: [{ text }, part] }] };
}

async function ask(simulator: GeminiSimulator, asked: Asked = {}): Promise<Answered> {
  const method = asked.method ?? 'POST';
  const response = await fetch(
    simulator.url + (asked.path ?? '/v1beta/models/gemini-3.1-flash-image:generateContent'),
    {
      method,
      headers: { 'content-type': 'application/json', 'x-goog-api-key': 'k', ...asked.headers },
      ...(method === 'GET'
        ? {}
        : { body: typeof asked.body === 'string' ? asked.body : JSON.stringify(asked.body ?? bodyOf()) }),
    },
  );
  return { status: response.status, json: await response.json() };
}

describe('a request the service would refuse', () => {
  it.each<[string, () => Asked, number, string]>([
    ['wrong method', () => ({ method: 'GET' }), 404, 'not found'],
    ['unknown path', () => ({ path: '/v1beta/models/x:streamGenerateContent' }), 404, 'not found'],
    ['key in the URL', () => ({ path: '/v1beta/models/x:generateContent?key=k' }), 404, 'not found'],
    ['other content type', () => ({ headers: { 'content-type': 'text/plain' } }), 400, 'content type'],
    ['no JSON', () => ({ body: '{"contents":' }), 400, 'Invalid JSON payload'],
    ['no contents', () => ({ body: {} }), 400, 'contents is not specified'],
    ['no image', () => ({ body: bodyOf({ text: 'more' }) }), 400, 'image part'],
    ['no prompt', () => ({ body: bodyOf(undefined, ' ') }), 400, 'prompt'],
    ['a part of no kind', () => ({ body: bodyOf({}) }), 400, 'oneof'],
    [
      'base64 that is none',
      () => ({ body: bodyOf({ inlineData: { mimeType: 'image/jpeg', data: '/9j/4AAQ*' } }) }),
      400,
      'Base64',
    ],
    [
      'bytes that are no image',
      () => ({ body: bodyOf({ inlineData: { mimeType: 'image/jpeg', data: 'AAAA' } }) }),
      400,
      'input image',
    ],
  ])('is refused: %s', async (_name, asked, status, message) => {
    const answered = await ask(await start(), asked());
    expect(answered).toMatchObject({
      status,
      json: { error: { code: status, message: expect.stringContaining(message) } },
    });
  });

  it('is refused with API_KEY_INVALID for a missing or another key, and uses up no behaviour', async () => {
    const simulator = await start({ apiKey: 'right', script: [{ kind: 'no_image' }] });
    for (const key of ['', 'wrong']) {
      const { status, json } = await ask(simulator, { headers: { 'x-goog-api-key': key } });
      expect([status, json.error.details[0].reason]).toEqual([400, 'API_KEY_INVALID']);
    }
    const { json } = await ask(simulator, { headers: { 'x-goog-api-key': 'right' } });
    expect(json.candidates[0].finishReason).toBe('NO_IMAGE');
  });

  it('is refused with imageSize for the model that has none', async () => {
    const body = { ...bodyOf(), generationConfig: { imageConfig: { imageSize: '2K' } } };
    const path = '/v1beta/models/gemini-2.5-flash-image:generateContent';
    expect([(await ask(await start(), { path, body })).status, (await ask(await start(), { body })).status]).toEqual([
      400, 200,
    ]);
  });
});

describe('a behaviour', () => {
  it('is chosen by the header, then by a rule, then in order, then by default', async () => {
    const simulator = await start({
      script: [
        { when: { promptIncludes: 'sad' }, behaviour: { kind: 'safety_block' } },
        { kind: 'status', status: 503 },
      ],
    });
    simulator.setDefault({ kind: 'text_only' });
    expect((await ask(simulator, { headers: { 'x-simulate': '{"kind":"status","status":504}' } })).status).toBe(504);
    expect((await ask(simulator, { body: bodyOf(undefined, 'a sad clown') })).json.promptFeedback.blockReason).toBe(
      'SAFETY',
    );
    expect((await ask(simulator)).status).toBe(503);
    expect((await ask(simulator)).json.candidates[0].content.parts).toHaveLength(1);
    simulator.plan({ kind: 'throttled', perDay: true });
    expect((await ask(simulator)).status).toBe(429);
    expect(simulator.requests.map((request) => request.behaviour)).toEqual([
      'status',
      'safety_block',
      'status',
      'text_only',
      'throttled',
    ]);
  });

  it('that is unknown is refused before anything listens', async () => {
    await expect(startGeminiSimulator({ script: [{ kind: 'nonsense' } as never] })).rejects.toThrow(TypeError);
    expect((await ask(await start(), { headers: { 'x-simulate': 'nonsense' } })).status).toBe(500);
  });

  it('delays from the end of the request', async () => {
    const simulator = await start({ script: [{ kind: 'no_image', delayMs: 60 }] });
    await ask(simulator);
    const { receivedAt = 0, answeredAt = 0 } = await simulator.waitForRequest(1, 'ended');
    expect(answeredAt - receivedAt).toBeGreaterThanOrEqual(59);
  });
});

describe('the picture of a success', () => {
  it('is painted from the photo and differs from it', async () => {
    const { json } = await ask(await start());
    const picture = Buffer.from(json.candidates[0].content.parts[1].inlineData.data, 'base64');
    const [{ dominant }, { width, height }] = await Promise.all([sharp(picture).stats(), sharp(picture).metadata()]);
    expect([width, height]).toEqual([120, 80]);
    expect(dominant).not.toEqual((await sharp(folder.photo.path).stats()).dominant);
  });

  it('is painted for a photo that cannot be decoded, too', async () => {
    const heic = Buffer.concat([Buffer.from('\0\0\0\x18ftypheic'), Buffer.alloc(40)]).toString('base64');
    const { json } = await ask(await start(), { body: bodyOf({ inlineData: { mimeType: 'image/heic', data: heic } }) });
    expect(json.candidates[0].content.parts[1].inlineData.mimeType).toBe('image/jpeg');
  });

  it('is the given one where requests are not looked at', async () => {
    const answer = await readFile(folder.photo.path);
    const { json } = await ask(await start({ answer, cheap: true }), { body: 'anything' });
    expect(json.candidates[0].content.parts[1].inlineData.data).toBe(photo);
  });
});

describe('the launcher', () => {
  it('prints its address as one line of JSON, serves, and ends by SIGTERM with nothing left to wait for', async () => {
    const child = spawn(process.execPath, [LAUNCHER, 'gemini', '--default', 'no_image'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { url, port } = JSON.parse(line);
    expect((await ask({ url, port } as GeminiSimulator)).json.candidates[0].finishReason).toBe('NO_IMAGE');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.each([
    [['nobody']],
    [['gemini', '--seed', 'x']],
    [['--default', 'hang']],
    [['gemini', '--port', 'x']],
    [['gemini', '--script', '{}']],
    [['gemini', '--nonsense']],
  ])('refuses %j with status 2', async (args) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([2, null]);
  });
});

describe('stopping', () => {
  it('ends requests that hang, and who still waits for one', async () => {
    const simulator = await start({ script: [{ kind: 'hang' }] });
    const asked = ask(simulator).catch((error: Error) => error);
    await simulator.waitForRequest(1);
    const waiting = expect(simulator.waitForRequest(2)).rejects.toThrow('stopped');
    await simulator.stop();
    await simulator.stop();
    await waiting;
    expect(await asked).toBeInstanceOf(Error);
    expect(simulator.requests[0]?.outcome).toBe('stopped');
  });
});
