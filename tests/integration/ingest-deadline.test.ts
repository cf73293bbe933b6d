import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { putSetting } from '../../src/repositories/settings.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart } from '../support/post-form.ts';
import { readJob } from '../support/queue.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { startTestServer } from '../support/server.ts';
import {
  countRows,
  eventually,
  expectNothingLeft,
  GEMINI_SLOT,
  type GeminiServer,
  startGeminiServer,
} from '../support/slots.ts';

const WINDOW_MS = 1_000;
/** How late an answer may be: the bound that is promised to stations. */
const LATE_MS_MAX = 250;

let server: GeminiServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer({ environment: { T_SYNC_RESPONSE_SECONDS: String(WINDOW_MS / 1_000) } });
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

function expectInTime(elapsedMs: number): void {
  expect(elapsedMs).toBeGreaterThanOrEqual(WINDOW_MS - 5);
  expect(elapsedMs).toBeLessThan(WINDOW_MS + LATE_MS_MAX);
}

async function windowOf(jobId: string): Promise<number> {
  const row = await readJob(server.db, jobId);
  return row.expires_at.getTime() - row.created_at.getTime();
}

describe('when the window closes', () => {
  it('the station hears 504 in time, the job is final, the provider call is aborted, the photo is gone', async () => {
    server.simulator.plan({ kind: 'hang' });
    const answer = await server.post({ photo, slotId: GEMINI_SLOT });
    expectInTime(answer.timing.totalMs);
    const { code, details } = errorOf(answer);
    expect(code).toBe('sync_timeout');
    const row = await readJob(server.db, details?.job_id ?? '');
    expect(row).toMatchObject({ is_finalized: true, failure_reason: 'timeout', payload_path: null, worker_id: null });
    expect(row.expires_at.getTime() - row.created_at.getTime()).toBe(WINDOW_MS);
    const told = new Date(String(details?.['expires_at'])).getTime();
    expect(Math.abs(told - row.expires_at.getTime())).toBeLessThan(100);
    expect((await server.simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');
    const events = (await listProcessingLog(server.db, row.id)).map(({ status }) => status);
    expect(events).toEqual(['received', 'dispatched', 'provider_responded', 'timeout']);
  });

  it('while the photo is still being uploaded, there is 504 without a job, no row and no file', async () => {
    const rowsBefore = await countRows(server);
    const body = formBytes([PASSWORD_PART, photoPart(photo)]);
    const client = await connectRaw(server.port);
    const sentAt = performance.now();
    const head = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, `Content-Length: ${body.length}`];
    await client.send(requestHead(head));
    await client.send(body.subarray(0, body.length - 200));
    await client.until(/"code":"sync_timeout"[\s\S]*\}\}$/);
    expectInTime(performance.now() - sentAt);
    expect(client.received).toMatch(/^HTTP\/1\.1 504 /);
    expect(client.received).not.toContain('job_id');
    expect(await countRows(server)).toBe(rowsBefore);
    client.socket.destroy();
  });

  it('and no worker runs, the process that holds the request ends the job itself', async () => {
    const api = await startTestServer({ environment: { ROLE: 'api', T_SYNC_RESPONSE_SECONDS: '1' } });
    const answer = await api.post({ photo });
    expect(refusal(answer)).toBe('504 sync_timeout');
    expectInTime(answer.timing.totalMs);
    expect(await readJob(api.db, errorOf(answer).details?.job_id ?? '')).toMatchObject({
      failure_reason: 'timeout',
      attempt_no: 0,
    });
    await expectNothingLeft(api);
    await api.stop();
  });
});

describe('the time of the upload', () => {
  it('is part of the window: a job is as old as its request', async () => {
    const body = formBytes([PASSWORD_PART, photoPart(photo)]);
    const client = await connectRaw(server.port);
    const head = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, `Content-Length: ${body.length}`];
    await client.send(requestHead([...head, 'Expect: 100-continue', 'Connection: close']));
    await client.until(/100 Continue\r\n\r\n/);
    const { rows } = await server.db.pool.query<{ at: Date }>(`select clock_timestamp() as at`);
    await client.send(body);
    const received = await client.closed;
    const jobId = /x-job-id: (\S+)/i.exec(received)?.[1] ?? '';
    const { created_at: createdAt } = await readJob(server.db, jobId);
    // stored in whole milliseconds, rounded
    expect(createdAt.getTime()).toBeLessThanOrEqual((rows[0]?.at.getTime() ?? 0) + 1);
  });
});

describe('a database that is silent when the window closes', () => {
  it('does not delay the 504; the job is ended once it answers again', async () => {
    const proxy = await startDatabaseProxy(server.database);
    const behind = await startTestServer({
      database: server.database,
      mediaRoot: server.mediaRoot,
      environment: {
        DATABASE_URL: proxy.through(server.database.url),
        T_SYNC_RESPONSE_SECONDS: '1',
        GEMINI_BASE_URL: server.simulator.url,
        GEMINI_API_KEY: 'any',
      },
    });
    server.simulator.setApiKey(undefined);
    server.simulator.plan({ kind: 'hang' });
    const seen = server.simulator.requests.length;
    const held = behind.post({ photo, slotId: GEMINI_SLOT });
    await server.simulator.waitForRequest(seen + 1);
    proxy.stall();
    const answer = await held;
    proxy.resume();
    expect(refusal(answer)).toBe('504 sync_timeout');
    expectInTime(answer.timing.totalMs);
    await eventually(async () =>
      expect(await readJob(server.db, errorOf(answer).details?.job_id ?? '')).toMatchObject({
        failure_reason: 'timeout',
      }),
    );
    await behind.stop();
    await proxy.stop();
  });
});

describe('the window of a real station', () => {
  it('is what settings say, for new jobs only; a window below 45 s is the environment’s alone', async () => {
    const real = await startTestServer({ database: server.database, mediaRoot: server.mediaRoot });
    const post = async (to: typeof real): Promise<string> =>
      (await to.post({ photo })).headers.get('x-job-id') ?? 'no job';
    const before = await post(real);
    await putSetting(server.db, 'sync_response_timeout_sec', 60, 'test');
    const after = await post(real);
    const short = await post(server);
    await real.stop();
    await server.db.pool.query(`delete from platform_setting where key = 'sync_response_timeout_sec'`);
    expect(await Promise.all([before, after, short].map(windowOf))).toEqual([48_000, 60_000, WINDOW_MS]);
  });
});
