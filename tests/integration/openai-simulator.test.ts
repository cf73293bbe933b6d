import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type OpenAiSimulator,
  type OpenAiSimulatorOptions,
  startOpenAiSimulator,
} from '../../scripts/simulators/openai.ts';
import { OPENAI_KINDS, OPENAI_MOODS } from '../../scripts/simulators/openai-behaviour.ts';
import { randomBehaviours } from '../../scripts/simulators/random-behaviour.ts';
import { createPhotoFolder, type PhotoFolder } from '../support/gemini.ts';

const LAUNCHER = fileURLToPath(new URL('../../scripts/simulators/main.ts', import.meta.url));
const started: OpenAiSimulator[] = [];
let folder: PhotoFolder;
let photo: Blob;

beforeAll(async () => {
  folder = await createPhotoFolder();
  photo = new Blob([await readFile(folder.photo.path)], { type: 'image/jpeg' });
});
afterAll(() => folder.remove());
afterEach(() => Promise.all(started.splice(0).map((simulator) => simulator.stop())));

async function start(options: OpenAiSimulatorOptions = {}): Promise<OpenAiSimulator> {
  const simulator = await startOpenAiSimulator(options);
  started.push(simulator);
  return simulator;
}

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Over the fields of a valid request; null takes one out. */
  readonly fields?: Record<string, string | Blob | readonly Blob[] | null>;
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the assertions below are what gives it a shape
  readonly json: any;
}

function formOf(fields: NonNullable<Asked['fields']>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries({ model: 'gpt-image-2', prompt: 'a prompt', image: photo, ...fields }))
    for (const one of value === null ? [] : [value].flat()) form.append(name, one as string);
  return form;
}

async function ask(simulator: Pick<OpenAiSimulator, 'url'>, asked: Asked = {}): Promise<Answered> {
  const method = asked.method ?? 'POST';
  const response = await fetch(simulator.url + (asked.path ?? '/v1/images/edits'), {
    method,
    headers: { authorization: 'Bearer k', ...asked.headers },
    ...(method === 'GET' ? {} : { body: asked.body ?? formOf(asked.fields ?? {}) }),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

describe('a request the service would refuse', () => {
  const png = () => new Blob([Buffer.from('no picture')], { type: 'image/png' });

  it.each<[string, () => Asked, number, string, string?]>([
    ['wrong method', () => ({ method: 'GET' }), 404, 'Invalid URL'],
    ['unknown path', () => ({ path: '/v1/images' }), 404, 'Invalid URL'],
    ['no key', () => ({ headers: { authorization: '' } }), 401, "didn't provide an API key"],
    ['a key in the wrong way', () => ({ headers: { authorization: 'Basic k' } }), 401, "didn't provide an API key"],
    ['no form', () => ({ body: '{}', headers: { 'content-type': 'application/json' } }), 400, 'content type'],
    [
      'a broken form',
      () => ({ body: 'x', headers: { 'content-type': 'multipart/form-data; boundary=b' } }),
      400,
      'parse',
    ],
    ['no prompt', () => ({ fields: { prompt: ' ' } }), 400, 'Missing required', 'prompt'],
    ['a prompt too long', () => ({ fields: { prompt: 'x'.repeat(32_001) } }), 400, 'string too long', 'prompt'],
    ['no image', () => ({ fields: { image: null } }), 400, 'Missing required', 'image'],
    ['two images that are no list', () => ({ fields: { image: [photo, photo] } }), 400, 'Unknown', 'image'],
    [
      '17 images',
      () => ({ fields: { image: null, 'image[]': Array(17).fill(photo) } }),
      400,
      'array too long',
      'image',
    ],
    ['bytes without a type', () => ({ fields: { image: new Blob(['x']) } }), 400, 'unsupported mimetype', 'image'],
    ['bytes that are no image', () => ({ fields: { image: png() } }), 400, 'Invalid image file', 'image'],
    ['an unknown field', () => ({ fields: { style: 'vivid' } }), 400, 'Unknown parameter', 'style'],
    ['a size that cannot be', () => ({ fields: { size: '1000x1000' } }), 400, 'Invalid size', 'size'],
    [
      'a size of later models',
      () => ({ fields: { size: '640x1024', model: 'gpt-image-1' } }),
      400,
      'Invalid value',
      'size',
    ],
    ['a quality that is none', () => ({ fields: { quality: 'hd' } }), 400, 'Invalid value', 'quality'],
    ['too many pictures', () => ({ fields: { n: '11' } }), 400, 'Invalid value', 'n'],
    ['input_fidelity', () => ({ fields: { input_fidelity: 'low' } }), 400, 'does not support', 'input_fidelity'],
    [
      'a transparent JPEG',
      () => ({ fields: { background: 'transparent', output_format: 'jpeg' } }),
      400,
      'Transparent',
      'background',
    ],
    [
      'a compression that is none',
      () => ({ fields: { output_compression: '101' } }),
      400,
      'Invalid',
      'output_compression',
    ],
    ['a model that is none', () => ({ fields: { model: 'dall-e-2' } }), 404, 'does not exist'],
  ])('is refused: %s', async (_name, asked, status, message, param) => {
    const answered = await ask(await start(), asked());
    expect(answered.status).toBe(status);
    expect(answered.json.error).toEqual({
      message: expect.stringContaining(message),
      type: expect.any(String),
      param: param ?? null,
      code: answered.json.error.code,
    });
  });

  it('uses up no behaviour where its key is wrong', async () => {
    const simulator = await start({ apiKey: 'right', script: [{ kind: 'no_image' }] });
    expect((await ask(simulator)).json.error.code).toBe('invalid_api_key');
    const headers = { authorization: 'Bearer right' };
    expect((await ask(simulator, { headers })).json.data).toEqual([]);
  });
});

describe('an answer', () => {
  it('has the headers and the facts of the real one', async () => {
    const { headers, json } = await ask(await start(), { fields: { quality: 'low', output_format: 'webp' } });
    expect(headers.get('x-request-id')).toMatch(/^req_/);
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('249');
    expect(json).toMatchObject({ quality: 'low', output_format: 'webp', usage: { total_tokens: 2_301 } });
    const picture = sharp(Buffer.from(json.data[0].b64_json, 'base64'));
    expect(await picture.metadata()).toMatchObject({ width: 120, height: 80, format: 'webp' });
  });

  it('is the given picture where requests are not looked at', async () => {
    const answer = await readFile(folder.photo.path);
    const { json } = await ask(await start({ answer, cheap: true }), { body: 'anything' });
    expect(json.data).toEqual([{ b64_json: answer.toString('base64') }]);
  });
});

describe('behaviour at random', () => {
  const evening = (seed: number) => Array.from({ length: 200 }, randomBehaviours(OPENAI_MOODS, seed));

  it('is the same for the same seed, differs for another, and shows every mood', () => {
    expect(evening(7)).toEqual(evening(7));
    expect(evening(7)).not.toEqual(evening(8));
    const kinds = new Set(evening(7).map(({ kind }) => kind));
    expect([...kinds].every((kind) => OPENAI_KINDS.has(kind))).toBe(true);
    expect(kinds.size).toBeGreaterThanOrEqual(5);
  });

  it('decides where nothing is planned', async () => {
    const simulator = await start({ script: [{ kind: 'no_image' }] });
    simulator.setDefault(randomBehaviours([{ weight: 1, make: () => ({ kind: 'status', status: 503 }) }], 1));
    expect((await ask(simulator)).status).toBe(200);
    expect((await ask(simulator)).status).toBe(503);
  });
});

describe('the launcher', () => {
  it('serves OpenAI, too, and ends by SIGTERM with nothing left to wait for', async () => {
    const child = spawn(process.execPath, [LAUNCHER, 'openai', '--seed', '1', '--default', 'no_image'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { provider, url } = JSON.parse(line);
    expect(provider).toBe('openai');
    expect((await ask({ url })).json.data).toEqual([]);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.each([[['openai', '--seed', 'x']], [['openai', '--default', 'safety_block']]])(
    'refuses %j with status 2',
    async (args) => {
      const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: 'ignore' });
      expect(await once(child, 'exit')).toEqual([2, null]);
    },
  );
});
