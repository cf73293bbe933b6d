/** Workers that die, or stop for longer than their lease, while they make a picture. */
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { createInstallation, finalEvents, type Installation, jobIdOf, sha256Of } from '../support/installation.ts';
import { reapPrograms } from '../support/process.ts';
import { readJob } from '../support/queue.ts';
import type { ServerProcess } from '../support/server-process.ts';

const LEASE_MS = 2_000;
const SWEEP_MS = 1_200;
/** What starting, scheduling and the network may add on a machine that is busy with other tests. */
const BUSY_MS = 1_500;

let installation: Installation;
let requestsBefore: number;
let proxy: FaultProxy | undefined;

beforeAll(async () => {
  installation = await createInstallation();
});
afterEach(async () => {
  await reapPrograms();
  await proxy?.stop();
  proxy = undefined;
});
afterAll(() => installation.end());

/** One process that serves, one that works; the next call of the simulator will be theirs. */
async function startPair(
  workerEnvironment: Readonly<Record<string, string>> = {},
): Promise<{ api: ServerProcess; worker: ServerProcess }> {
  requestsBefore = installation.gemini.requests.length;
  const [api, worker] = await Promise.all([
    installation.start({ ROLE: 'api' }),
    installation.start({ ROLE: 'worker', ...workerEnvironment }),
  ]);
  return { api, worker };
}

const call = (n: number, stage?: 'received' | 'ended') => installation.gemini.waitForRequest(requestsBefore + n, stage);

async function untilJob(condition: string): Promise<string> {
  return vi.waitFor(
    async () => {
      const { rows } = await installation.db.pool.query<{ id: string }>(`select id from job where ${condition}`);
      if (rows[0] === undefined) throw new Error(`no job is ${condition}`);
      return rows[0].id;
    },
    { timeout: 10_000, interval: 20 },
  );
}

const acceptances = async (jobId: string): Promise<{ claim: unknown; accepted: unknown }[]> =>
  (await installation.events(jobId)).flatMap(({ details }) =>
    details?.accepted === undefined ? [] : [{ claim: details.claim_no, accepted: details.accepted }],
  );

test('the job of a killed worker is finished by another within lease and sweep, and its station still gets the picture', async () => {
  installation.gemini.plan({ kind: 'hang' }, { kind: 'success', delayMs: 200 });
  const { api, worker } = await startPair();
  const answer = installation.post(api);
  await call(1);
  const other = await installation.start({ ROLE: 'worker' });
  await worker.end('SIGKILL');
  const killedAt = performance.now();
  const { receivedAt = Number.NaN } = await call(2);
  expect(receivedAt - killedAt).toBeLessThan(LEASE_MS + SWEEP_MS + BUSY_MS);
  const { status, body, headers } = await answer;
  expect(status).toBe(200);
  const job = await readJob(installation.db, jobIdOf(await answer));
  expect(job).toMatchObject({ claim_no: 2, attempt_no: 2, is_finalized: true, failure_reason: null });
  expect(job.result_checksum).toBe(sha256Of(body));
  expect(headers.get('photochanger-provider')).toBe('gemini');
  const events = await installation.events(job.id);
  expect(finalEvents(events)).toEqual(['succeeded']);
  expect(await acceptances(job.id)).toEqual([{ claim: 2, accepted: true }]);
  await other.untilLogged('job run ended', { job_id: job.id, claim_no: 2, outcome: 'succeeded' });
});

test('a worker suspended beyond its lease drops the answer it finds at its return, and nothing of it remains', async () => {
  installation.gemini.plan({ kind: 'success', delayMs: 300 }, { kind: 'success', delayMs: 200 });
  const { api, worker } = await startPair();
  const answer = installation.post(api);
  await call(1);
  worker.signal('SIGSTOP');
  await installation.start({ ROLE: 'worker' });
  const { status, body } = await answer;
  expect(status).toBe(200);
  const job = await readJob(installation.db, jobIdOf(await answer));
  expect(job).toMatchObject({ claim_no: 2, is_finalized: true, result_checksum: sha256Of(body) });
  // the first answer has lain in the suspended worker's socket since before the second call began
  const [first, second] = await Promise.all([call(1, 'ended'), call(2)]);
  expect(first.outcome).toBe('answered');
  expect(first.endedAt).toBeLessThan(second.startedAt);
  worker.signal('SIGCONT');
  const end = await worker.untilFound('the suspended run was over', () =>
    worker.logged().find((line) => line.job_id === job.id && /^job run (?:ended|stopped)$/.test(line.msg)),
  );
  expect(end).toMatchObject({ claim_no: 1, outcome: expect.stringMatching(/^(?:late|stopped)$/) });
  expect(new Date(end.time).getTime()).toBeGreaterThan((job.finalized_at as Date).getTime());
  expect(await readJob(installation.db, job.id)).toEqual(job);
  expect(finalEvents(await installation.events(job.id))).toEqual(['succeeded']);
  expect((await acceptances(job.id)).filter((each) => each.accepted)).toEqual([{ claim: 2, accepted: true }]);
  const files = (await installation.files()).filter((file) => file.includes(job.id));
  expect(files).toEqual([expect.stringContaining('.2.jpg'), expect.stringContaining('.2.thumb.jpg')]);
});

test('a result whose database was silent until another worker had the job is refused by the fence, and its file is removed', async () => {
  installation.gemini.plan({ kind: 'success', delayMs: 500 }, { kind: 'success', delayMs: 1_500 });
  proxy = await startFaultProxy({
    targetHost: '127.0.0.1',
    targetPort: Number(new URL(installation.database.url).port),
  });
  const { api, worker } = await startPair({ DATABASE_URL: proxy.through(installation.database.url) });
  const answer = installation.post(api);
  await call(1);
  proxy.stall();
  const jobId = await untilJob('not is_finalized');
  await vi.waitFor(
    async () => expect(await installation.files()).toContainEqual(expect.stringContaining(`${jobId}.1.jpg`)),
    10_000,
  );
  await installation.start({ ROLE: 'worker' });
  await call(2);
  proxy.resume();
  await worker.untilLogged('job run ended', { job_id: jobId, claim_no: 1, outcome: 'late' });
  const { status, body } = await answer;
  expect(status).toBe(200);
  expect(await readJob(installation.db, jobId)).toMatchObject({
    claim_no: 2,
    is_finalized: true,
    failure_reason: null,
    result_checksum: sha256Of(body),
  });
  const told = await acceptances(jobId);
  expect(told).toContainEqual({ claim: 1, accepted: false });
  expect(told.filter((each) => each.accepted)).toEqual([{ claim: 2, accepted: true }]);
  expect(finalEvents(await installation.events(jobId))).toEqual(['succeeded']);
  expect((await installation.files()).filter((file) => file.includes(`${jobId}.1.`))).toEqual([]);
});

test('a worker told to end gives back what its grace does not suffice for, and another takes it at once', async () => {
  installation.gemini.plan({ kind: 'hang' }, { kind: 'success' });
  const lease = { LEASE_SECONDS: '15' };
  const { api, worker } = await startPair({ ...lease, SHUTDOWN_GRACE_SECONDS: '1' });
  const answer = installation.post(api);
  await call(1);
  await installation.start({ ROLE: 'worker', ...lease });
  const endedAt = performance.now();
  expect(await worker.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
  const { receivedAt = Number.NaN } = await call(2);
  expect(receivedAt - endedAt).toBeLessThan(1_000 + SWEEP_MS + BUSY_MS);
  expect(await call(1, 'ended')).toMatchObject({ outcome: 'client_aborted' });
  expect((await answer).status).toBe(200);
  const job = await readJob(installation.db, jobIdOf(await answer));
  expect(job).toMatchObject({ claim_no: 2, failure_reason: null });
  expect(finalEvents(await installation.events(job.id))).toEqual(['succeeded']);
});

test('a worker that comes back from a suspension may take its own job again, and keeps it', async () => {
  installation.gemini.plan({ kind: 'hang' }, { kind: 'success', delayMs: 2.25 * LEASE_MS });
  const { api, worker } = await startPair();
  const answer = installation.post(api);
  await call(1);
  worker.signal('SIGSTOP');
  await untilJob(`not is_finalized and status = 'pending' and claim_no = 1`);
  worker.signal('SIGCONT');
  expect((await answer).status).toBe(200);
  const job = await readJob(installation.db, jobIdOf(await answer));
  expect(job).toMatchObject({ claim_no: 2, attempt_no: 2, failure_reason: null });
  expect(installation.gemini.requests.length - requestsBefore).toBe(2);
});

test('a worker that takes a job again, whose lost call it still waits for, keeps the new claim alive', async () => {
  installation.gemini.plan({ kind: 'success', delayMs: 1_000 }, { kind: 'success', delayMs: 2.25 * LEASE_MS });
  const { api } = await startPair();
  const answer = installation.post(api);
  await call(1);
  // in one transaction, so that no heartbeat comes between: what a stall of the whole process looks like to the queue
  await installation.db.kysely.transaction().execute(async (step) => {
    await sql`update job set lease_until = clock_timestamp() - interval '1 second' where not is_finalized`.execute(
      step,
    );
    await sql`select * from job_sweep(0)`.execute(step);
  });
  expect((await answer).status).toBe(200);
  const job = await readJob(installation.db, jobIdOf(await answer));
  expect(job).toMatchObject({ claim_no: 2, attempt_no: 2, failure_reason: null });
  expect(installation.gemini.requests.length - requestsBefore).toBe(2);
});
