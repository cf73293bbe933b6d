import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { createTestDatabase } from '../support/database.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { ask } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { METRICS_TOKEN, type Scrape, scrape } from '../support/metrics.ts';
import { enqueueForNobody, newJob } from '../support/queue.ts';
import { INGEST_PASSWORD, MASTER_KEY, startTestServer } from '../support/server.ts';
import {
  eventually,
  expectNothingLeft,
  GEMINI_KEY,
  GEMINI_SLOT,
  type GeminiServer,
  openJobId,
  startGeminiServer,
} from '../support/slots.ts';

/** Long enough for a call, short enough to see its end. */
const WINDOW_SECONDS = '3';

let server: GeminiServer;
let photo: Buffer;
let before: Scrape;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer({
    environment: { METRICS_TOKEN, T_SYNC_RESPONSE_SECONDS: WINDOW_SECONDS, LEASE_SECONDS: '2' },
  });
});
beforeEach(async () => {
  before = await scrape(server);
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

/** How much a counter has grown since the test began. */
async function grown(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  return ((await scrape(server)).value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
}

const outcome = (provider: string, end: string): Promise<number> =>
  grown('photochanger_job_outcomes_total', { provider, outcome: end });

describe('a photo that is answered', () => {
  it('is one request, one wait, one call and one success', async () => {
    const answer = await server.post({ photo });
    expect(answer.status).toBe(200);
    await eventually(async () => expect(await outcome('studio', 'succeeded')).toBe(1));
    const image = { provider: 'studio', outcome: 'image' };
    expect(await grown('photochanger_http_requests_total', { operation: 'ingestSlot', status: '200' })).toBe(1);
    expect(await grown('photochanger_http_request_duration_seconds_count', { operation: 'ingestSlot' })).toBe(1);
    expect(await grown('photochanger_job_wait_seconds_count', { provider: 'studio' })).toBe(1);
    expect(await grown('photochanger_provider_attempts_total', image)).toBe(1);
    expect(await grown('photochanger_provider_call_seconds_count', image)).toBe(1);
    expect(await grown('photochanger_provider_call_seconds_sum', image)).toBeGreaterThan(0);
  });

  it('is used space, told by a process that has not looked yet', async () => {
    const answer = await server.post({ photo });
    const other = await startTestServer({ database: server.database, environment: { METRICS_TOKEN } });
    try {
      const { rows } = await server.db.pool.query<{ bytes: number }>('select sum(result_size_bytes) as bytes from job');
      expect(answer.body.length).toBeGreaterThan(0);
      expect((await scrape(other)).value('photochanger_media_used_bytes', { kind: 'results' })).toBe(rows[0]?.bytes);
    } finally {
      await other.stop();
    }
  });
});

describe('a photo that one process holds and another works on', () => {
  it('counts once in the sum: its request here, its call and its end there', async () => {
    const mediaRoot = await mkdtemp(join(tmpdir(), 'photochanger-metrics-'));
    const own = await createTestDatabase();
    const shared = { database: own, mediaRoot };
    const api = await startTestServer({ ...shared, environment: { ROLE: 'api', METRICS_TOKEN } });
    const worker = await startTestServer({ ...shared, environment: { ROLE: 'worker', METRICS_PORT: '0' } });
    try {
      expect((await api.post({ photo })).status).toBe(200);
      const url = `http://127.0.0.1:${worker.running.metricsAddress?.port}`;
      await eventually(async () => {
        const [here, there] = await Promise.all([scrape(api), scrape({ url })]);
        const both = (name: string, labels = {}) => [here.value(name, labels) ?? 0, there.value(name, labels) ?? 0];
        expect(both('photochanger_job_outcomes_total', { outcome: 'succeeded', provider: 'studio' })).toEqual([0, 1]);
        expect(both('photochanger_provider_attempts_total', { outcome: 'image', provider: 'studio' })).toEqual([0, 1]);
        expect(both('photochanger_job_wait_seconds_count', { provider: 'studio' })).toEqual([0, 1]);
        expect(both('photochanger_http_requests_total', { operation: 'ingestSlot', status: '200' })).toEqual([1, 0]);
      });
    } finally {
      await Promise.all([api.stop(), worker.stop()]);
      await own.drop();
      await rm(mediaRoot, { recursive: true, force: true });
    }
  });
});

describe('a photo whose provider does not answer', () => {
  it('is held and in work until its window closes, and then one timeout', async () => {
    server.simulator.plan({ kind: 'hang' });
    const answer = server.post({ photo, slotId: GEMINI_SLOT });
    await openJobId(server);
    await eventually(async () => {
      const now = await scrape(server);
      expect(now.value('photochanger_held_requests')).toBe(1);
      expect(now.value('photochanger_queue_jobs', { provider: 'gemini', state: 'processing' })).toBe(1);
    });
    expect((await answer).status).toBe(504);
    await eventually(async () => expect(await outcome('gemini', 'timeout')).toBe(1));
    const now = await scrape(server);
    expect(now.value('photochanger_held_requests')).toBe(0);
    expect(await grown('photochanger_http_requests_total', { operation: 'ingestSlot', status: '504' })).toBe(1);
    const ends = ['timeout', 'stopped'].map((end) =>
      grown('photochanger_provider_attempts_total', { provider: 'gemini', outcome: end }),
    );
    expect((await Promise.all(ends)).reduce((sum, count) => sum + count)).toBe(1);
  });

  it('is a request without an answer when its station leaves, and still one timeout, by the sweep', async () => {
    server.simulator.plan({ kind: 'hang' });
    const calls = server.simulator.requests.length;
    const leaving = new AbortController();
    const answer = server.post({ photo, slotId: GEMINI_SLOT, signal: leaving.signal });
    await server.simulator.waitForRequest(calls + 1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await eventually(async () =>
      expect(await grown('photochanger_http_requests_total', { operation: 'ingestSlot', status: 'unsent' })).toBe(1),
    );
    await eventually(async () => expect(await outcome('gemini', 'timeout')).toBe(1));
  });
});

describe('an answer that comes too late', () => {
  it('is refused, is no success, and its job ends once', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 200 });
    const answer = server.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const client = await server.db.pool.connect();
    try {
      await client.query('begin');
      await client.query(`select job_end($1, 'cancelled', 'an operator cancelled it', false)`, [jobId]);
      // the finished picture waits for the row, and finds it final
      await eventually(async () => {
        const { rows } = await server.db.pool.query(`select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%job_succeed%'`);
        expect(rows).toHaveLength(1);
      });
      await client.query('commit');
    } finally {
      client.release();
    }
    expect((await answer).status).toBe(503);
    await eventually(async () => expect(await grown('photochanger_late_answers_refused_total')).toBe(1));
    expect(await outcome('gemini', 'succeeded')).toBe(0);
  });
});

describe('a failing provider', () => {
  it('is told by what each call came to, and by the one end of the job', async () => {
    server.simulator.plan({ kind: 'safety_block' });
    expect((await server.post({ photo, slotId: GEMINI_SLOT })).status).toBe(502);
    await eventually(async () => expect(await outcome('gemini', 'provider_error')).toBe(1));
    expect(await grown('photochanger_provider_attempts_total', { provider: 'gemini', outcome: 'refused' })).toBe(1);
  });
});

describe('a job whose worker died', () => {
  it('is reclaimed once, and its end is counted by the process that ends it', async () => {
    const job = newJob({
      claimFor: { workerId: randomUUID(), leaseMs: 1 },
      payloadPath: `payloads/${randomUUID()}.photo`,
    });
    expect(await enqueueJob(server.db, job)).toMatchObject({ outcome: 'claimed' });
    await server.waitForLine({ msg: 'swept', job_id: job.id, outcome: 'reclaimed' });
    await eventually(async () => expect(await outcome('studio', 'provider_error')).toBe(1));
    expect(await grown('photochanger_jobs_reclaimed_total')).toBe(1);
    // it was taken before, by the worker that died
    expect(await grown('photochanger_job_wait_seconds_count', { provider: 'studio' })).toBe(0);
  });
});

describe('waiting jobs', () => {
  it('are counted in the lane they wait in, with the age of the oldest', async () => {
    await enqueueForNobody(server.db, { elapsedMs: 5_000, windowMs: 7_000 });
    await eventually(async () => {
      const now = await scrape(server);
      expect(now.value('photochanger_queue_jobs', { provider: 'nobody', state: 'pending' })).toBe(1);
      expect(now.value('photochanger_queue_oldest_age_seconds', { provider: 'nobody' })).toBeGreaterThan(4.9);
    });
    await eventually(async () => expect(await outcome('nobody', 'timeout')).toBe(1));
    expect((await scrape(server)).value('photochanger_queue_oldest_age_seconds', { provider: 'studio' })).toBe(0);
  });
});

describe('requests to addresses where nothing is', () => {
  it('share one operation, so that nobody can make series', async () => {
    for (const path of ['/a', '/b', '/metrics/x']) await ask(`${server.url}${path}`);
    expect(await grown('photochanger_http_requests_total', { operation: 'none', status: '404' })).toBe(3);
    expect((await scrape(server)).text).not.toContain('/metrics/x');
  });
});

describe('the text', () => {
  it('holds no secret, no address and no id', async () => {
    const answer = await server.post({ photo });
    const { text } = await scrape(server);
    const { hostname, password, username } = new URL(server.database.url);
    for (const secret of [INGEST_PASSWORD, MASTER_KEY, METRICS_TOKEN, GEMINI_KEY, password, username, hostname])
      if (secret !== '') expect(text).not.toContain(secret);
    expect(text).not.toContain(answer.headers.get('x-job-id') ?? '-');
    expect(text).not.toContain('slot-');
  });
});

describe('a server whose database is away', () => {
  it('still answers with what the process knows, and says that the database is down', async () => {
    const proxy = await startDatabaseProxy(server.database);
    const cutOff = await startTestServer({
      database: server.database,
      environment: { METRICS_TOKEN, DATABASE_URL: proxy.through(server.database.url) },
    });
    try {
      expect((await scrape(cutOff)).value('photochanger_database_up')).toBe(1);
      proxy.stall();
      await eventually(async () => expect((await scrape(cutOff)).value('photochanger_database_up')).toBe(0));
      const startedAt = performance.now();
      const now = await scrape(cutOff);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      expect(now.value('photochanger_held_requests')).toBe(0);
      expect(now.value('photochanger_media_free_bytes')).toBeGreaterThan(0);
      expect(now.samples.filter(({ name }) => name.startsWith('photochanger_queue'))).toEqual([]);
      proxy.resume();
      await eventually(async () => expect((await scrape(cutOff)).value('photochanger_database_up')).toBe(1));
    } finally {
      proxy.resume();
      await cutOff.stop();
      await proxy.stop();
    }
  });
});
