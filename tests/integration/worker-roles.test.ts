import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, expectNothingLeft, GEMINI_KEY, GEMINI_SLOT, giveToGemini, openJobId } from '../support/slots.ts';

let database: TestDatabase;
let mediaRoot: string;
let simulator: GeminiSimulator;
let api: TestServer;
let worker: TestServer;
let photo: Buffer;

const start = (role: 'api' | 'worker'): Promise<TestServer> =>
  startTestServer({
    database,
    mediaRoot,
    environment: {
      ROLE: role,
      GEMINI_BASE_URL: simulator.url,
      GEMINI_API_KEY: GEMINI_KEY,
      T_SYNC_RESPONSE_SECONDS: '12',
      SHUTDOWN_GRACE_SECONDS: '0',
    },
  });

beforeAll(async () => {
  photo = await makePhoto();
  database = await createTestDatabase();
  mediaRoot = await mkdtemp(join(tmpdir(), 'photochanger-media-'));
  simulator = await startGeminiSimulator({ apiKey: GEMINI_KEY });
  api = await start('api');
  worker = await start('worker');
  await giveToGemini(api.db, GEMINI_SLOT);
});
afterEach(() => expectNothingLeft(api));
afterAll(async () => {
  await Promise.all([api.stop(), worker.stop(), simulator.stop()]);
  await database.drop();
  await rm(mediaRoot, { recursive: true });
});

/** Ends every connection that listens for notifications. @returns how many there were. */
async function cutListeners(): Promise<number> {
  const { rowCount } = await database.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'photochanger-listen'`);
  return rowCount ?? 0;
}

describe('a process that serves and a process that works, on one database and one media folder', () => {
  it('behave as one: a photo posted to the one is worked on by the other', async () => {
    const answer = await api.post({ photo, slotId: GEMINI_SLOT });
    const jobId = answer.headers.get('x-job-id') ?? '';
    expect(refusal(answer)).toBe('200');
    expect(answer.headers.get('photochanger-provider')).toBe('gemini');
    await worker.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
    const link = await ask(`${api.url}/public/results/${jobId}`);
    expect(link.body).toEqual(answer.body);
    expect(api.lines.filter(({ msg }) => msg === 'job run ended')).toEqual([]);
  });

  it('tell each other by notification: five photos in a row need less than the polls of two', async () => {
    const startedAt = performance.now();
    for (let turn = 0; turn < 5; turn++) expect(refusal(await api.post({ photo }))).toBe('200');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it('tell each other of failures, too', async () => {
    simulator.plan({ kind: 'safety_block' });
    const answer = await api.post({ photo, slotId: GEMINI_SLOT });
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toContain('SAFETY');
  });

  it('serve a photo by polling when every notification is lost', async () => {
    const triggers = ['job_inserted', 'job_finalised'];
    const toggle = (how: string) =>
      database.pool.query(triggers.map((name) => `alter table job ${how} trigger ${name}`).join('; '));
    await toggle('disable');
    const answer = await api.post({ photo });
    await toggle('enable');
    expect(refusal(answer)).toBe('200');
    // one poll of the worker and one of whoever holds the request, 1.2 s each at most
    expect(answer.timing.totalMs).toBeLessThan(3_500);
  });

  it('listen again after their connections were cut, and nobody who waited is forgotten', async () => {
    simulator.plan({ kind: 'success', delayMs: 300 });
    const seen = simulator.requests.length;
    const post = api.post({ photo, slotId: GEMINI_SLOT });
    await simulator.waitForRequest(seen + 1);
    expect(await cutListeners()).toBe(2);
    expect(refusal(await post)).toBe('200');
    await api.waitForLine({ msg: 'Database notifications arrive again' });
    await worker.waitForLine({ msg: 'Database notifications arrive again' });
    expect(refusal(await api.post({ photo }))).toBe('200');
  });
});

describe('a worker that stops', () => {
  it('hands its job back at once: the next one brings the picture inside the same window', async () => {
    simulator.plan({ kind: 'hang' }, { kind: 'success' });
    const seen = simulator.requests.length;
    const post = api.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(api);
    await simulator.waitForRequest(seen + 1);
    await worker.stop();
    expect((await simulator.waitForRequest(seen + 1, 'ended')).outcome).toBe('client_aborted');
    worker = await start('worker');
    expect(refusal(await post)).toBe('200');
    const claims = (await listProcessingLog(api.db, jobId)).flatMap(({ status, details }) =>
      status === 'dispatched' ? [details?.['claim_no']] : [],
    );
    expect(claims).toEqual([1, 2]);
  });
});

describe('a database that restarts its connections', () => {
  it('does not lose a photo whose provider call is under way', async () => {
    simulator.plan({ kind: 'success', delayMs: 300 });
    const seen = simulator.requests.length;
    const post = api.post({ photo, slotId: GEMINI_SLOT, extraFields: { ticket: randomUUID() } });
    await simulator.waitForRequest(seen + 1);
    await database.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'photochanger-%'`);
    expect(refusal(await post)).toBe('200');
    await eventually(async () => expect(refusal(await ask(`${api.url}/readyz`))).toBe('200'));
  });
});
