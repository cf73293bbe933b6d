import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Behaviour } from '../../scripts/simulators/behaviour-script.ts';
import { startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { startOpenAiSimulator } from '../../scripts/simulators/openai.ts';
import type { Simulator } from '../../scripts/simulators/simulator.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import type { HttpProvider, HttpProviderOptions } from '../../src/providers/http-provider.ts';
import { createOpenAiProvider } from '../../src/providers/openai/openai-provider.ts';
import {
  contextOf,
  countingSlabs,
  createPhotoFolder,
  editInput,
  openFilesBelow,
  type PhotoFolder,
  pictureOf,
} from '../support/gemini.ts';

interface Service {
  readonly name: string;
  /** Too much for the buffers between two sockets, and not too much for the service. */
  readonly uploadBytes: number;
  start(options?: { readonly answer?: Buffer }): Promise<Simulator<Behaviour>>;
  create(options: HttpProviderOptions): HttpProvider;
}

const SERVICES: readonly Service[] = [
  { name: 'Gemini', uploadBytes: 11_000_000, start: startGeminiSimulator, create: createGeminiProvider },
  { name: 'OpenAI', uploadBytes: 40_000_000, start: startOpenAiSimulator, create: createOpenAiProvider },
];

const REASON = new Error('the window closed');
let folder: PhotoFolder;
let simulator: Simulator<Behaviour>;
let provider: HttpProvider;
let slabs: ReturnType<typeof countingSlabs>;
let stop: AbortController;

beforeAll(async () => {
  folder = await createPhotoFolder();
});
afterAll(() => folder.remove());
/** Nothing may be left at the very moment the call rejects. */
async function expectNothingLeft(call: Promise<unknown>): Promise<void> {
  await expect(call).rejects.toBe(REASON);
  expect(slabs.lent()).toBe(0);
  expect(openFilesBelow(folder.path)).toBe(0);
}

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(SERVICES)('$name', ({ uploadBytes, start, create }) => {
  beforeEach(async () => {
    slabs = countingSlabs();
    stop = new AbortController();
    simulator = await start();
    provider = create({
      baseUrl: simulator.url,
      apiKey: () => 'key',
      takeSlab: slabs.takeSlab,
      connectionsMax: 1,
    });
  });
  afterEach(async () => {
    await provider.close();
    await simulator.stop();
    await vi.waitFor(() => expect(openSockets()).toBe(0), { interval: 1 });
  });

  describe('an aborted call rejects with the reason and leaves nothing behind', () => {
    it('before it begins', async () => {
      stop.abort(REASON);
      await expectNothingLeft(provider.submit(editInput(folder.photo), contextOf(stop.signal)));
      expect(simulator.requests).toEqual([]);
    });

    it('while the connection is being made', async () => {
      const call = provider.submit(editInput(folder.photo), contextOf(stop.signal));
      stop.abort(REASON);
      await expectNothingLeft(call);
      // The connection that was begun serves the next call, and the call that was given up is never sent.
      pictureOf(await provider.submit(editInput(folder.photo), contextOf()));
      expect(simulator.requests.filter((request) => request.receivedAt !== undefined)).toHaveLength(1);
    });

    it('while it waits for a free connection', async () => {
      simulator.plan({ kind: 'hang' });
      const first = new AbortController();
      const running = provider.submit(editInput(folder.photo), contextOf(first.signal));
      await simulator.waitForRequest(1);
      const waiting = provider.submit(editInput(folder.photo), contextOf(stop.signal));
      stop.abort(REASON);
      await expect(waiting).rejects.toBe(REASON);
      first.abort(REASON);
      await expectNothingLeft(running);
      pictureOf(await provider.submit(editInput(folder.photo), contextOf()));
      expect(simulator.requests).toHaveLength(2);
    });

    it('while the photo is uploaded', async () => {
      const server = createServer({ pauseOnConnect: true });
      const connected = once(server, 'connection') as Promise<[Socket]>;
      const adapter = create({
        baseUrl: await listen(server),
        apiKey: () => 'key',
        takeSlab: slabs.takeSlab,
      });
      const call = adapter.submit(editInput(await folder.bigPhoto(uploadBytes)), contextOf(stop.signal));
      const [socket] = await connected;
      await vi.waitFor(() => expect(slabs.lent()).toBe(1), { interval: 1 });
      expect(openFilesBelow(folder.path)).toBe(process.platform === 'linux' ? 1 : 0);
      stop.abort(REASON);
      await expectNothingLeft(call);
      socket.on('error', () => {}).resume();
      await once(socket, 'close');
      await adapter.close();
      await new Promise((resolve) => server.close(resolve));
    });

    it('while the service works', async () => {
      simulator.plan({ kind: 'hang' });
      const call = provider.submit(editInput(folder.photo), contextOf(stop.signal));
      await simulator.waitForRequest(1);
      stop.abort(REASON);
      await expectNothingLeft(call);
      expect((await simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');
    });

    it('while the picture is downloaded', async () => {
      simulator.plan({ kind: 'endless' });
      const call = provider.submit(editInput(folder.photo), contextOf(stop.signal));
      await simulator.waitForRequest(1, 'answering');
      await vi.waitFor(() => expect(slabs.lent()).toBeGreaterThan(1), { interval: 1 });
      stop.abort(REASON);
      await expectNothingLeft(call);
      expect((await simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');
    });

    it('at any moment of a whole call', async () => {
      const photo = await folder.bigPhoto(300_000);
      const quick = await start({ answer: await readFile(photo.path) });
      const adapter = create({ baseUrl: quick.url, apiKey: () => 'key', takeSlab: slabs.takeSlab });
      let isDone = false;
      for (let turns = 0; !isDone; turns = Math.ceil(turns * 1.1) + 1) {
        const moment = new AbortController();
        const call = adapter.submit(editInput(photo), contextOf(moment.signal)).then(pictureOf);
        call.then(() => (isDone = true)).catch(() => {});
        for (let turn = 0; turn < turns && !isDone; turn++) await new Promise((resolve) => setImmediate(resolve));
        if (isDone) break;
        moment.abort(REASON);
        await expectNothingLeft(call);
      }
      await adapter.close();
      await quick.stop();
    });
  });

  describe('closing the adapter', () => {
    it('ends calls as unavailable and leaves no connection', async () => {
      simulator.plan({ kind: 'hang' });
      const call = provider.submit(editInput(folder.photo), contextOf());
      await simulator.waitForRequest(1);
      await provider.close();
      await provider.close();
      expect(await call).toMatchObject({
        outcome: 'failed',
        failure: { kind: 'unavailable', retryable: true, charged: 'maybe' },
      });
      expect((await simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');
      await vi.waitFor(() => expect(openSockets()).toBe(0), { interval: 1 });
      expect(slabs.lent()).toBe(0);
    });
  });

  describe('a service that accepts no connection', () => {
    it('does not hold an aborted call', async () => {
      const server = createServer();
      const connected = once(server, 'connection') as Promise<[Socket]>;
      const baseUrl = (await listen(server)).replace('http:', 'https:');
      const adapter = create({ baseUrl, apiKey: () => 'key', takeSlab: slabs.takeSlab });
      const call = adapter.submit(editInput(folder.photo), contextOf(stop.signal));
      // The TLS handshake is never answered.
      const [socket] = await connected;
      stop.abort(REASON);
      await expectNothingLeft(call);
      await adapter.close();
      socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
  });
});
