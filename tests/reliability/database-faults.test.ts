/** A database that dies, goes away, falls silent or forgets to notify while stations wait. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { StationAnswer } from '../../scripts/station.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { makeHome, openHomeDatabase, postmasterOf, removeHome } from '../support/home.ts';
import { createInstallation, finalEvents, type Installation, jobIdOf, useGemini } from '../support/installation.ts';
import { reapPrograms } from '../support/process.ts';
import { countJobs, readJob } from '../support/queue.ts';
import { startServerProcess } from '../support/server-process.ts';

const POLL_MS = 1_200;
const BUSY_MS = 1_500;

let installation: Installation;
let proxy: FaultProxy;
/** The database's address by way of the proxy. */
let throughProxy: { readonly DATABASE_URL: string };
let requestsBefore: number;

beforeAll(async () => {
  installation = await createInstallation();
});
beforeEach(async () => {
  const { database } = installation;
  proxy = await startFaultProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(database.url).port) });
  throughProxy = { DATABASE_URL: proxy.through(database.url) };
  requestsBefore = installation.gemini.requests.length;
});
afterEach(async () => {
  await reapPrograms();
  await proxy.stop();
});
afterAll(() => installation.end());

const call = (n: number) => installation.gemini.waitForRequest(requestsBefore + n);
const elapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('held requests get their pictures although PostgreSQL is killed meanwhile: it is started again', async () => {
  const home = makeHome();
  installation.gemini.setDefault({ kind: 'success', delayMs: 400 });
  const server = await startServerProcess({
    ...installation.environment,
    HOME: home,
    DATABASE_URL: '',
    MEDIA_ROOT: '',
  });
  const before = openHomeDatabase(home);
  await useGemini(before.db);
  await before.close();
  const answers = Array.from({ length: 5 }, () => installation.post(server));
  await call(5);
  const postmaster = postmasterOf(home) as number;
  process.kill(postmaster, 'SIGKILL');
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 200, 200, 200]);
  const after = openHomeDatabase(home);
  for (const answer of answers) {
    const job = await readJob(after.db, jobIdOf(await answer));
    expect(job).toMatchObject({ is_finalized: true, failure_reason: null });
  }
  await after.close();
  expect(postmasterOf(home)).not.toBe(postmaster);
  expect(installation.gemini.requests.length - requestsBefore).toBe(5);
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
  await removeHome(home);
});

test('held requests get their pictures although every database connection is cut and refused for two seconds', async () => {
  installation.gemini.setDefault({ kind: 'success', delayMs: 500 });
  const server = await installation.start({ ...throughProxy, LEASE_SECONDS: '15' });
  const answers = Array.from({ length: 5 }, () => installation.post(server));
  await call(5);
  proxy.refuse();
  proxy.cut();
  await server.untilLogged('No database notifications for now; polling carries on');
  await elapse(2_000);
  proxy.accept();
  for (const answer of answers) {
    expect((await answer).status).toBe(200);
    expect(finalEvents(await installation.events(jobIdOf(await answer)))).toEqual(['succeeded']);
  }
  expect(installation.gemini.requests.length - requestsBefore).toBe(5);
});

test.each(['api', 'all'])(
  'a photo whose acceptance is not confirmed, since the connection breaks, is accepted once and comes back (role %s)',
  async (role) => {
    const { db, gemini } = installation;
    gemini.setDefault({ kind: 'success' });
    const server = await installation.start({ ...throughProxy, ROLE: role });
    if (role === 'api') await installation.start({ ROLE: 'worker' });
    const locker = await db.pool.connect();
    const enqueues = async (): Promise<number> => {
      const { rows } = await db.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%job_enqueue%'`,
      );
      return rows.length;
    };
    const before = await countJobs(db, 'true');
    let answer: Promise<StationAnswer>;
    try {
      await locker.query(`begin; select from admission where scope = 'all' for update`);
      answer = installation.post(server);
      await vi.waitFor(async () => expect(await enqueues()).toBe(1), 10_000);
      proxy.cut();
      await vi.waitFor(async () => expect(await enqueues()).toBe(2), 10_000);
      await locker.query('commit');
    } finally {
      locker.release(true);
    }
    const { status, body } = await answer;
    expect({ status, error: status === 200 ? '' : body.toString() }).toEqual({ status: 200, error: '' });
    expect(await countJobs(db, 'true')).toBe(before + 1);
    expect(finalEvents(await installation.events(jobIdOf(await answer)))).toEqual(['succeeded']);
  },
);

test('photos are taken and answered at the pace of the poll while no notification arrives', async () => {
  installation.gemini.setDefault({ kind: 'success' });
  const { pool } = installation.db;
  const [api] = await Promise.all([
    installation.start({ ...throughProxy, ROLE: 'api' }),
    installation.start({ ...throughProxy, ROLE: 'worker' }),
  ]);
  expect((await installation.post(api)).status).toBe(200);
  proxy.refuse();
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'photochanger-listen' and datname = current_database()`,
  );
  await api.untilLogged('No database notifications for now; polling carries on');
  const answer = await installation.post(api);
  expect(answer.status).toBe(200);
  expect(answer.timing.totalMs).toBeLessThan(2 * POLL_MS + BUSY_MS);
  const job = await readJob(installation.db, jobIdOf(answer));
  expect(job.claim_no).toBe(1);
  expect(api.logged().map(({ msg }) => msg)).not.toContain('Database notifications arrive again');
});

test('a station is told 504 at its deadline although the database is silent, and the job is final once it answers again', async () => {
  const windowMs = 3_000;
  installation.gemini.setDefault({ kind: 'hang' });
  const server = await installation.start({ ...throughProxy, T_SYNC_RESPONSE_SECONDS: String(windowMs / 1000) });
  const answers = Array.from({ length: 3 }, () => installation.post(server));
  await call(3);
  proxy.stall();
  for (const answer of await Promise.all(answers)) {
    expect(answer.status).toBe(504);
    expect(JSON.parse(answer.body.toString()).error.code).toBe('sync_timeout');
    expect(answer.timing.totalMs).toBeGreaterThan(windowMs - 50);
    expect(answer.timing.totalMs).toBeLessThan(windowMs + 250);
  }
  proxy.resume();
  for (const answer of answers) {
    const jobId = jobIdOf(await answer);
    await vi.waitFor(async () => {
      expect(await readJob(installation.db, jobId)).toMatchObject({ is_finalized: true, failure_reason: 'timeout' });
    }, POLL_MS + BUSY_MS);
    expect(finalEvents(await installation.events(jobId))).toEqual(['timeout']);
  }
  await vi.waitFor(async () => {
    expect((await installation.files()).filter((file) => file.startsWith('payloads/'))).toEqual([]);
  }, POLL_MS + BUSY_MS);
});
