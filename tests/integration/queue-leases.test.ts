import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { releaseJobs, renewLeases, sweepJobs } from '../../src/repositories/job-queue.ts';
import {
  claim,
  claimedJob,
  claimedJobs,
  closeWindow,
  createTestQueue,
  emptyQueue,
  endings,
  endLease,
  LANE,
  LEASE_MS,
  readJob,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

const LONG_AFTER_START_MS = 0;
/** As if the database had been restarted a moment ago. */
const JUST_AFTER_START_MS = 1e12;

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

const sweep = (restartGraceMs = LONG_AFTER_START_MS) => sweepJobs(queue.db, restartGraceMs);

describe('the sweep', () => {
  test('times jobs out whose window has closed, running or not, and tells each payload once', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    const waiting = await waitingJob(db);
    for (const jobId of [held.jobId, waiting]) await closeWindow(db, jobId);
    const told = [held.jobId, waiting].map((id) => ({
      id,
      providerId: LANE,
      payloadPath: `uploads/${id}`,
      outcome: 'timeout',
    }));
    const swept = await sweep();
    expect(swept).toHaveLength(2);
    expect(swept).toEqual(expect.arrayContaining(told));
    expect(await sweep()).toEqual([]);
    for (const { id } of told)
      expect(await readJob(db, id)).toMatchObject({ is_finalized: true, failure_reason: 'timeout' });
  });

  test('returns the job of a dead worker to the queue; its claim stays counted', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endLease(db, held.jobId);
    expect(await sweep()).toEqual([{ id: held.jobId, providerId: LANE, payloadPath: null, outcome: 'reclaimed' }]);
    expect(await readJob(db, held.jobId)).toMatchObject({
      status: 'pending',
      claim_no: 1,
      worker_id: null,
      lease_until: null,
      payload_path: `uploads/${held.jobId}`,
    });
    expect(await claim(db)).toEqual([expect.objectContaining({ id: held.jobId, claimNo: 2, attemptNo: 1 })]);
    expect(await endings.success(db, held)).toBe(false);
  });

  test('leaves alone what lives, waits or is finished', async () => {
    const { db } = queue;
    const [running, done] = await claimedJobs(db, 2);
    const waiting = await waitingJob(db);
    if (running === undefined || done === undefined) return expect.unreachable();
    await endings.success(db, done);
    const ids = [running.jobId, done.jobId, waiting];
    const before = await Promise.all(ids.map((id) => readJob(db, id)));
    expect(await sweep()).toEqual([]);
    expect(await Promise.all(ids.map((id) => readJob(db, id)))).toEqual(before);
  });

  test('takes no job from its worker right after a restart of the database, but closes windows', async () => {
    const { db } = queue;
    const [silent, over] = await claimedJobs(db, 2);
    if (silent === undefined || over === undefined) return expect.unreachable();
    await endLease(db, silent.jobId);
    await closeWindow(db, over.jobId);
    expect(await sweep(JUST_AFTER_START_MS)).toEqual([expect.objectContaining({ id: over.jobId, outcome: 'timeout' })]);
    expect(await renewLeases(db, silent.workerId, [silent], LEASE_MS)).toEqual(new Set([silent.jobId]));
    expect(await sweep()).toEqual([]);
  });

  test('passes over a job that another process is just ending', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endLease(db, held.jobId);
    const other = await db.pool.connect();
    try {
      await other.query('begin');
      await other.query(`select job_end($1, 'cancelled', 'the station left', false)`, [held.jobId]);
      expect(await sweep()).toEqual([]);
      await other.query('commit');
    } finally {
      other.release();
    }
    expect(await readJob(db, held.jobId)).toMatchObject({ failure_reason: 'cancelled' });
  });
});

describe('a heartbeat', () => {
  test('returns just the jobs that are still held', async () => {
    const { db } = queue;
    const workerId = randomUUID();
    const mine = await claimedJobs(db, 5, { workerId });
    const [kept, cancelled, closed, taken, outdated] = mine;
    const foreign = await claimedJob(db);
    if (!kept || !cancelled || !closed || !taken || !outdated) return expect.unreachable();
    await endings.cancel(db, cancelled);
    await closeWindow(db, closed.jobId);
    await endLease(db, taken.jobId);
    await sweep();
    await claim(db);
    await releaseJobs(db, workerId, [outdated]);
    await claim(db, { workerId });
    expect(await renewLeases(db, workerId, [...mine, { ...foreign, workerId }], LEASE_MS)).toEqual(
      new Set([kept.jobId]),
    );
  });

  test('keeps a job from the sweep', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endLease(db, held.jobId);
    await renewLeases(db, held.workerId, [held], LEASE_MS);
    expect(await sweep()).toEqual([]);
  });

  test('of a worker without jobs is nothing', async () => {
    expect(await renewLeases(queue.db, randomUUID(), [], LEASE_MS)).toEqual(new Set());
  });

  test('touches no index: the row is updated where it stands (HOT)', async () => {
    const { db } = queue;
    await db.pool.query('vacuum job');
    const { jobId, claimNo, workerId } = await claimedJob(db);
    const client = await db.pool.connect();
    const updates = async (): Promise<{ all: number; hot: number }> => {
      const { rows } = await client.query(
        `select n_tup_upd::int as all, n_tup_hot_upd::int as hot from pg_stat_xact_user_tables where relname = 'job'`,
      );
      return rows[0];
    };
    const beat = () => client.query('select job_heartbeat($1, $2, $3, $4)', [workerId, [jobId], [claimNo], LEASE_MS]);
    try {
      await client.query('begin');
      const before = await updates();
      const beats = 5;
      for (let count = 0; count < beats; count++) expect((await beat()).rowCount).toBe(1);
      expect(await updates()).toEqual({ all: before.all + beats, hot: before.hot + beats });
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});

describe('a release at shutdown', () => {
  test('hands back just the unfinished jobs of that worker, at once and without a lost claim number', async () => {
    const { db } = queue;
    const workerId = randomUUID();
    const [running, done] = await claimedJobs(db, 2, { workerId });
    const foreign = await claimedJob(db);
    if (running === undefined || done === undefined) return expect.unreachable();
    await endings.success(db, done);
    const claims = [running, done, foreign, { ...running, jobId: randomUUID() }];
    expect(await releaseJobs(db, workerId, claims)).toEqual([running.jobId]);
    expect(await readJob(db, running.jobId)).toMatchObject({ status: 'pending', claim_no: 1, worker_id: null });
    expect(await readJob(db, foreign.jobId)).toMatchObject({ status: 'processing' });
    expect(await claim(db, { count: 5 })).toEqual([expect.objectContaining({ id: running.jobId, claimNo: 2 })]);
  });

  test('refuses what the worker still says afterwards', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await releaseJobs(db, held.workerId, [held]);
    expect(await endings.success(db, held)).toBe(false);
    expect(await endings.failure(db, held)).toBe(false);
  });

  test('may run twice', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    expect(await releaseJobs(db, held.workerId, [held])).toEqual([held.jobId]);
    expect(await releaseJobs(db, held.workerId, [held])).toEqual([]);
  });

  test('keeps a job that may not be claimed again: its lease runs out and the sweep ends it', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await db.pool.query('update job set claim_max = 1');
    expect(await releaseJobs(db, held.workerId, [held])).toEqual([]);
    await endLease(db, held.jobId);
    expect(await sweep()).toEqual([
      { id: held.jobId, providerId: LANE, payloadPath: `uploads/${held.jobId}`, outcome: 'failed' },
    ]);
  });
});
