import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { POLL_KINDS, POLL_MOODS } from '../../scripts/simulators/poll-behaviour.ts';
import type { PollSimulator } from '../../scripts/simulators/poll-simulator.ts';
import { randomBehaviours } from '../../scripts/simulators/random-behaviour.ts';
import { createPhotoFolder, type PhotoFolder } from '../support/gemini.ts';
import { POLL_KEY, POLL_SERVICES, type PollService, startPollSimulatorOf } from '../support/poll-service.ts';

const LAUNCHER = fileURLToPath(new URL('../../scripts/simulators/main.ts', import.meta.url));

/** How each service is asked, as its own pages say. */
const CALLS = {
  replicate: {
    path: '/v1/predictions',
    key: { authorization: `Bearer ${POLL_KEY}` },
    body: (photo: string, prompt?: unknown): object => ({ version: 'a/b', input: { prompt, input_image: photo } }),
    asUri: true,
  },
  fal: {
    path: '/fal-ai/flux-pro/kontext',
    key: { authorization: `Key ${POLL_KEY}` },
    body: (photo: string, prompt?: unknown): object => ({ prompt, image_url: photo }),
    asUri: true,
  },
  bfl: {
    path: '/v1/flux-kontext-pro',
    key: { 'x-key': POLL_KEY },
    body: (photo: string, prompt?: unknown): object => ({ prompt, input_image: photo }),
    asUri: false,
  },
} as const;

let folder: PhotoFolder;
let base64: string;
let simulator: PollSimulator;

beforeAll(async () => {
  folder = await createPhotoFolder();
  base64 = (await readFile(folder.photo.path)).toString('base64');
});
afterAll(() => folder.remove());

describe.each(POLL_SERVICES)('the simulator of %s', (id: PollService) => {
  afterEach(() => simulator.stop());

  const { path, key, body, asUri } = CALLS[id];
  const photo = (): string => (asUri ? `data:image/jpeg;base64,${base64}` : base64);

  async function submit(sent: unknown, headers: Record<string, string> = { ...key }, at: string = path) {
    simulator = await startPollSimulatorOf(id);
    const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
    const response = await fetch(simulator.url + at, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: text,
    });
    return { status: response.status, text: await response.text() };
  }

  it('takes a job as its pages say', async () => {
    const { status, text } = await submit(body(photo(), 'a comic'));
    expect(status).toBeLessThan(300);
    expect(JSON.stringify(JSON.parse(text))).toContain(simulator.url);
  });

  it.each<[string, () => unknown, number]>([
    ['no prompt', () => body(photo()), 422],
    ['no photo', () => body('', 'a comic'), 422],
    ['a photo in the other form', () => body(asUri ? base64 : `data:image/jpeg;base64,${base64}`, 'a comic'), 422],
    ['rubbish as a photo', () => body(photo().replace(/.$/, '*'), 'a comic'), 422],
    ['no JSON', () => '{"prompt":', 422],
  ])('refuses %s', async (_what, sent, status) => {
    expect((await submit(sent())).status).toBe(status);
  });

  it('refuses a missing key, another key, another address', async () => {
    expect((await submit(body(photo(), 'x'), {})).status).toBe(401);
    await simulator.stop();
    const other = Object.fromEntries(Object.entries(key).map(([name, value]) => [name, `${value}x`]));
    expect((await submit(body(photo(), 'x'), other)).status).toBe(401);
    await simulator.stop();
    expect((await submit(body(photo(), 'x'), { ...key }, '/nothing')).status).toBe(404);
  });

  it('starts from the command line, and ends when it is told to', async () => {
    simulator = await startPollSimulatorOf(id);
    const program = spawn(process.execPath, [LAUNCHER, id, '--seed', '7', '--api-key', POLL_KEY]);
    const [line] = await once(createInterface(program.stdout), 'line');
    const { provider, url } = JSON.parse(String(line));
    expect(provider).toBe(id);
    expect((await fetch(url + path, { method: 'POST', body: '{}' })).status).toBe(401);
    program.kill('SIGTERM');
    expect(await once(program, 'exit')).toEqual([0, null]);
  });
});

describe('behaviour at random', () => {
  it('is the same for the same seed, and knows only kinds that there are', () => {
    const evening = (seed: number) => Array.from({ length: 300 }, randomBehaviours(POLL_MOODS, seed));
    expect(evening(1)).toEqual(evening(1));
    expect(evening(1)).not.toEqual(evening(2));
    const kinds = new Set(evening(3).map(({ kind }) => kind));
    expect([...kinds].filter((kind) => !POLL_KINDS.has(kind))).toEqual([]);
    expect(kinds.size).toBeGreaterThan(4);
  });
});
