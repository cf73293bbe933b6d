import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { jobIdIn, jsonOf, openJobDesk } from '../support/jobs.ts';
import { setLane } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import {
  eventually,
  expectNothingLeft,
  GEMINI_KEY,
  GEMINI_SLOT,
  type GeminiServer,
  giveToGemini,
  openJobId,
  startGeminiServer,
} from '../support/slots.ts';

let photo: Buffer;
let server: GeminiServer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const cancelled = async (at: TestServer, jobId: string, url?: string) =>
  (await openJobDesk(at, url)).post(`/jobs/${jobId}/cancel`);

describe('cancelling a job', () => {
  it('whose provider hangs: the station is answered, the call is aborted, the photo is gone', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const request = await server.simulator.waitForRequest(server.simulator.requests.length + 1);
    const jobId = await openJobId(server);
    const answer = await cancelled(server, jobId);
    expect(jsonOf(answer).job).toMatchObject({
      id: jobId,
      status: 'processing',
      is_finalized: true,
      failure_reason: 'cancelled',
      failure_message: expect.stringMatching(/^cancelled by test-/),
      payload_path: null,
    });
    expect(errorOf(await held)).toMatchObject({ code: 'job_cancelled', details: { job_id: jobId } });
    await eventually(() => expect(request.outcome).toBe('client_aborted'));
    await expectNothingLeft(server);
  });

  it('that waits for a place: it never reaches a provider', async () => {
    await setLane(server.db, { id: 'gemini', runningMax: 1 });
    server.simulator.plan({ kind: 'hang' });
    const calls = server.simulator.requests.length;
    const first = server.post({ photo, slotId: GEMINI_SLOT });
    const running = await openJobId(server);
    await server.simulator.waitForRequest(calls + 1);
    const second = server.post({ photo, slotId: GEMINI_SLOT });
    const waiting = await eventually(async () => {
      const { rows } = await server.db.pool.query(`select id from job where status = 'pending' and not is_finalized`);
      expect(rows).toHaveLength(1);
      return rows[0].id as string;
    });
    expect(jsonOf(await cancelled(server, waiting)).metrics).toMatchObject({
      queue_wait_ms: null,
      processing_ms: null,
    });
    expect(refusal(await second)).toBe('503 job_cancelled');
    await cancelled(server, running);
    await first;
    expect(server.simulator.requests).toHaveLength(calls + 1);
    await setLane(server.db, { id: 'gemini', runningMax: 200 });
  });

  it('that nobody holds any more: its photo goes, too', async () => {
    server.simulator.plan({ kind: 'hang' });
    const left = new AbortController();
    const calls = server.simulator.requests.length;
    const held = server.post({ photo, slotId: GEMINI_SLOT, signal: left.signal });
    await server.simulator.waitForRequest(calls + 1);
    const jobId = await openJobId(server);
    left.abort(new Error('the station gave up'));
    await expect(held).rejects.toThrow('the station gave up');
    expect((await cancelled(server, jobId)).status).toBe(200);
    await expectNothingLeft(server);
  });

  it('at the moment its picture comes: exactly one of both counts, and the answer says which', async () => {
    server.simulator.setDefault({ kind: 'success', delayMs: 5 });
    const desk = await openJobDesk(server);
    const race = async (index: number): Promise<string> => {
      const calls = server.simulator.requests.length;
      const held = server.post({ photo, slotId: GEMINI_SLOT });
      await server.simulator.waitForRequest(calls + 1, index % 2 === 0 ? 'answering' : 'received');
      const open = await desk.read('/jobs?is_finalized=false');
      const jobId: string | undefined = open.data[0]?.job.id;
      const answer = jobId === undefined ? undefined : await desk.post(`/jobs/${jobId}/cancel`);
      const station = await held;
      const { job, result } = await desk.read(`/jobs/${jobIdIn(station)}`);
      if (answer?.status === 200) {
        expect([refusal(station), job.failure_reason, result]).toEqual(['503 job_cancelled', 'cancelled', null]);
        return 'cancelled';
      }
      if (answer !== undefined)
        expect(errorOf(answer)).toMatchObject({ code: 'job_final', details: { failure_reason: null } });
      expect([station.status, job.failure_reason]).toEqual([200, null]);
      return 'picture';
    };
    const ends: string[] = [];
    for (let index = 0; index < 24; index += 1) ends.push(await race(index));
    server.simulator.setDefault({ kind: 'success' });
    expect(ends).toContain('cancelled');
  });

  it('twice at once: one cancels, the other hears that it is final; the audit log has one entry', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const desk = await openJobDesk(server);
    const answers = await Promise.all([1, 2, 3].map(() => desk.post(`/jobs/${jobId}/cancel`)));
    expect(answers.map(refusal).sort()).toEqual(['200', '409 job_final', '409 job_final']);
    await held;
    const { rows } = await server.db.pool.query(
      `select actor, object_type, details from audit_event
      where action = 'job.cancelled' and object_id = $1`,
      [jobId],
    );
    expect(rows).toEqual([
      { actor: expect.stringMatching(/^test-/), object_type: 'job', details: { slot_id: GEMINI_SLOT } },
    ]);
  });
});

describe('with several processes on one database', () => {
  let database: TestDatabase;
  let mediaRoot: string;
  let simulator: GeminiSimulator;
  let desk: TestServer;
  let station: TestServer;
  let worker: TestServer;

  const start = (role: 'api' | 'worker'): Promise<TestServer> =>
    startTestServer({
      database,
      mediaRoot,
      environment: {
        ROLE: role,
        GEMINI_BASE_URL: simulator.url,
        GEMINI_API_KEY: GEMINI_KEY,
        T_SYNC_RESPONSE_SECONDS: '12',
        // neither a lost lease nor a heartbeat is what ends the call
        LEASE_SECONDS: '60',
      },
    });

  beforeAll(async () => {
    database = await createTestDatabase();
    mediaRoot = await mkdtemp(join(tmpdir(), 'photochanger-media-'));
    simulator = await startGeminiSimulator({ apiKey: GEMINI_KEY });
    desk = await start('api');
    station = await start('api');
    worker = await start('worker');
    await giveToGemini(desk.db, GEMINI_SLOT);
  });
  afterEach(() => expectNothingLeft(desk));
  afterAll(async () => {
    await Promise.all([desk.stop(), station.stop(), worker.stop(), simulator.stop()]);
    await database.drop();
    await rm(mediaRoot, { recursive: true });
  });

  it('one cancels, another answers its station, a third aborts the call', async () => {
    simulator.plan({ kind: 'hang' });
    const held = station.post({ photo, slotId: GEMINI_SLOT });
    const request = await simulator.waitForRequest();
    const jobId = await openJobId(desk);
    expect((await cancelled(desk, jobId)).status).toBe(200);
    expect(refusal(await held)).toBe('503 job_cancelled');
    await eventually(() => expect(request.outcome).toBe('client_aborted'));
    await worker.waitForLine({ msg: 'job run stopped', job_id: jobId });
  });

  it('also when every notification is lost: the next look tells the station', async () => {
    simulator.plan({ kind: 'hang' });
    const calls = simulator.requests.length;
    const held = station.post({ photo, slotId: GEMINI_SLOT });
    await simulator.waitForRequest(calls + 1);
    const jobId = await openJobId(desk);
    await desk.db.pool.query('drop trigger job_finalised on job');
    expect((await cancelled(desk, jobId)).status).toBe(200);
    expect(refusal(await held)).toBe('503 job_cancelled');
    await desk.db.pool.query(`create trigger job_finalised after update on job for each row
      when (new.is_finalized and not old.is_finalized) execute function job_log_final()`);
    await desk.db.pool.query(`select pg_notify('job_done', $1)`, [jobId]);
    await worker.waitForLine({ msg: 'job run stopped', job_id: jobId });
  });
});
