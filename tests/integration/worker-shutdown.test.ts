import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ask, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { readJob } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, expectNothingLeft, GEMINI_KEY, GEMINI_SLOT, giveToGemini, openJobId } from '../support/slots.ts';

let database: TestDatabase;
let mediaRoot: string;
let simulator: GeminiSimulator;

beforeEach(async () => {
  database = await createTestDatabase();
  mediaRoot = await mkdtemp(join(tmpdir(), 'photochanger-media-'));
  simulator = await startGeminiSimulator({ apiKey: GEMINI_KEY });
});
afterEach(async () => {
  await simulator.stop();
  await database.drop();
  await rm(mediaRoot, { recursive: true });
});

async function start(graceSeconds: number): Promise<TestServer> {
  const server = await startTestServer({
    database,
    mediaRoot,
    environment: {
      GEMINI_BASE_URL: simulator.url,
      GEMINI_API_KEY: GEMINI_KEY,
      T_SYNC_RESPONSE_SECONDS: '10',
      SHUTDOWN_GRACE_SECONDS: String(graceSeconds),
    },
  });
  await giveToGemini(server.db, GEMINI_SLOT);
  return server;
}

/** Sockets and listening servers of this process. */
const openSockets = (): string[] => process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe)/.test(name));

describe('a server that is told to stop', () => {
  it('answers what it holds before it ends, and takes nothing new', async () => {
    const server = await start(5);
    simulator.plan({ kind: 'success', delayMs: 200 });
    const held = server.post({ photo: await makePhoto(), slotId: GEMINI_SLOT });
    await simulator.waitForRequest();
    const stopped = server.stop();
    expect(refusal(await server.post({ photo: await makePhoto(), slotId: GEMINI_SLOT }))).toBe('503 queue_unavailable');
    expect((await ask(`${server.url}/readyz`)).status).toBe(503);
    expect(refusal(await held)).toBe('200');
    await stopped;
    await expect(ask(`${server.url}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('hands back what it cannot finish in time: the next start finishes it for the gallery', async () => {
    const first = await start(0);
    simulator.plan({ kind: 'hang' }, { kind: 'success' });
    const held = first.post({ photo: await makePhoto(), slotId: GEMINI_SLOT });
    const left = held.then(
      () => 'answered',
      () => 'disconnected',
    );
    const jobId = await openJobId(first);
    await simulator.waitForRequest();
    await first.stop();
    expect(await left).toBe('disconnected');
    expect((await simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');

    const second = await start(0);
    await second.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
    expect((await ask(`${second.url}/public/results/${jobId}`)).status).toBe(200);
    expect(await readJob(second.db, jobId)).toMatchObject({ claim_no: 2, failure_reason: null });
    await expectNothingLeft(second);
    await second.stop();
  });

  it('leaves no socket, no listener and no warning behind, however its requests ended', async () => {
    const photo = await makePhoto();
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    await database.pool.query('select 1');
    const [socketsBefore, listenersBefore] = [openSockets(), countListeners()];
    process.on('warning', hear);
    const server = await start(1);
    simulator.plan({ kind: 'success' }, { kind: 'safety_block' }, { kind: 'no_image' }, { kind: 'success' });
    for (const slotId of [GEMINI_SLOT, GEMINI_SLOT, GEMINI_SLOT, 'slot-001', 'slot-016', 'slot-015'])
      await server.post({ photo, slotId });
    await server.post({ photo, password: 'wrong' });
    await server.post({ photo: photo.subarray(0, 500) });
    await expectNothingLeft(server);
    await server.stop();
    process.off('warning', hear);
    expect(warnings).toEqual([]);
    expect(countListeners()).toBe(listenersBefore);
    await eventually(() => expect(openSockets()).toEqual(socketsBefore));
  });
});

const countListeners = (): number =>
  process.eventNames().reduce((sum, name) => sum + process.listenerCount(name as 'exit'), 0);
