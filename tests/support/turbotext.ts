/** A Turbotext adapter, or a whole server, beside a simulator of the service. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { startTurbotextSimulator, type TurbotextSimulator } from '../../scripts/simulators/turbotext.ts';
import type { HttpProvider } from '../../src/providers/http-provider.ts';
import type { CallContext, ProviderInput, SourceImage } from '../../src/providers/provider.ts';
import { createTurbotextProvider } from '../../src/providers/turbotext/turbotext-provider.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { contextOf, countingSlabs, createPhotoFolder, openFilesBelow, type PhotoFolder } from './gemini.ts';
import { type Course, type Polled, runCourse } from './poll-service.ts';
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts';

export const TURBOTEXT_KEY = 'tt-0123456789abcdef0123456789abcdef';

/** The slot that {@link startTurbotextServer} gives to Turbotext. */
export const TURBOTEXT_SLOT = 'slot-003';

export interface TurbotextBench {
  readonly folder: PhotoFolder;
  readonly simulator: TurbotextSimulator;
  readonly provider: HttpProvider & Polled;
  /** The key the adapter is given at its next call. */
  apiKey: string | undefined;
  /** What the adapter publishes with: a small server that shows files as they are. */
  readonly publish: NonNullable<CallContext['publish']>;
  /** Runs an `image_edit`, or another operation, to its end. */
  run(input?: Partial<ProviderInput>): Promise<Course>;
}

/** Registers the hooks of a test file: everything is new before each test, and nothing may be left after it. */
export function useTurbotext(): TurbotextBench {
  const bench = {} as { -readonly [Key in keyof TurbotextBench]: TurbotextBench[Key] };
  let slabs: ReturnType<typeof countingSlabs>;
  let files: Server;
  beforeAll(async () => {
    bench.folder = await createPhotoFolder();
    files = createServer((request, response) => {
      const path = Buffer.from(request.url?.slice(1) ?? '', 'base64url').toString();
      readFile(path).then(
        (bytes) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    bench.publish = async ({ path }) => ({
      outcome: 'published',
      url: `${origin}/${Buffer.from(path).toString('base64url')}`,
    });
  });
  afterAll(async () => {
    await new Promise((resolve) => {
      files.close(resolve);
      files.closeAllConnections();
    });
    await bench.folder.remove();
  });
  beforeEach(async () => {
    slabs = countingSlabs();
    bench.apiKey = TURBOTEXT_KEY;
    bench.simulator = await startTurbotextSimulator({ apiKey: TURBOTEXT_KEY });
    const provider = createTurbotextProvider({
      baseUrl: bench.simulator.url,
      apiKey: () => bench.apiKey,
      takeSlab: slabs.takeSlab,
      pollIntervalMs: 20,
    });
    bench.provider = provider as HttpProvider & Polled;
    bench.run = (input = {}) =>
      runCourse(bench.provider, turbotextInput(bench.folder.photo, input), { ...contextOf(), publish: bench.publish });
  });
  afterEach(async () => {
    await bench.provider.close();
    // a job that failed at once is not waited for by the service, whose look at the photo still runs
    await Promise.allSettled(bench.simulator.jobs.map(({ images }) => images));
    await bench.simulator.stop();
    expect(slabs.lent()).toBe(0);
    expect(openFilesBelow(bench.folder.path)).toBe(0);
  });
  return bench;
}

/** An `image_edit` of the photo unless it is said otherwise. */
export const turbotextInput = (photo: SourceImage, input: Partial<ProviderInput> = {}): ProviderInput => ({
  operationId: 'image_edit',
  settings: { prompt: 'Сделай комикс.' },
  photo,
  references: new Map(),
  ...input,
});

export interface TurbotextServer extends TestServer {
  readonly simulator: TurbotextSimulator;
}

/** Starts a simulator and a server that calls it; {@link TURBOTEXT_SLOT} edits photos by a prompt. */
export async function startTurbotextServer(options: TestServerOptions = {}): Promise<TurbotextServer> {
  const simulator = await startTurbotextSimulator({ apiKey: TURBOTEXT_KEY });
  try {
    const environment = { ...turbotextEnvironment(simulator), ...options.environment };
    const server = await startTestServer({ ...options, environment });
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    const stop = async (): Promise<void> => {
      await server.stop();
      await simulator.stop();
    };
    return { ...server, simulator, stop };
  } catch (error) {
    await simulator.stop();
    throw error;
  }
}

/** The variables of a server that calls the simulator. */
export const turbotextEnvironment = (simulator: TurbotextSimulator) => ({
  TURBOTEXT_BASE_URL: simulator.url,
  TURBOTEXT_API_KEY: TURBOTEXT_KEY,
  T_SYNC_RESPONSE_SECONDS: '12',
});

/** Gives {@link TURBOTEXT_SLOT} an operation, and switches it on. */
export const setUpSlot = (server: TestServer, operationId: string, settings: Readonly<Record<string, unknown>>) =>
  updateSlot(server.db, TURBOTEXT_SLOT, { providerId: 'turbotext', operationId, settings, isEnabled: true });
