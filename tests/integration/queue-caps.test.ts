import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import {
  atOnce,
  claim,
  claimedJobs,
  closeWindow,
  countJobs,
  countOf,
  createTestQueue,
  emptyQueue,
  endings,
  LANE,
  newJob,
  OPEN,
  setLane,
  type TestQueue,
  WINDOW_MS,
  waitingJob,
  whileLocked,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue({ poolSize: 20 });
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

const CAP = 17;

/** Each cap: how it is set, and the part of a job that it counts. */
const caps: Record<string, { scope: string; set: () => Promise<unknown>; job: Partial<NewJob> }> = {
  'over all slots': { scope: 'all', set: async () => {}, job: { openMax: CAP } },
  'of a slot': {
    scope: 'slot',
    set: () => queue.db.pool.query(`update admission set open_max = $1 where scope = 'slot-002'`, [CAP]),
    job: { slotId: 'slot-002' },
  },
  'of a provider': {
    scope: 'provider',
    set: () => setLane(queue.db, { id: 'paid', openMax: CAP }),
    job: { providerId: 'paid' },
  },
};

describe.each(Object.entries(caps))('the cap on unfinished jobs %s', (_, { scope, set, job }) => {
  beforeEach(() => set());
  const push = () => enqueueJob(queue.db, newJob(job));
  const openIds = async (): Promise<string[]> => {
    const { rows } = await queue.db.pool.query<{ id: string }>(`select id from job where ${OPEN} order by created_at`);
    return rows.map(({ id }) => id);
  };

  test('is exact under 200 racing uploads', async () => {
    const outcomes = await atOnce(200, push);
    expect(countOf(outcomes, 'created')).toBe(CAP);
    expect(outcomes.filter(({ outcome }) => outcome !== 'created')).toEqual(
      Array.from({ length: 200 - CAP }, () => ({ outcome: 'full', scope })),
    );
    expect(await countJobs(queue.db, OPEN)).toBe(CAP);
  });

  test('is exact again after some jobs ended, and leaves none of their places unused', async () => {
    await atOnce(60, push);
    const ended = (await openIds()).slice(0, 6);
    for (const jobId of ended) await endings.cancel(queue.db, { jobId, claimNo: 0, workerId: '' });
    expect(countOf(await atOnce(60, push), 'created')).toBe(6);
    expect(await countJobs(queue.db, OPEN)).toBe(CAP);
  });

  test('is exact while jobs end and others come', async () => {
    const { db } = queue;
    await atOnce(CAP, push);
    const ids = await openIds();
    const [outcomes] = await Promise.all([
      atOnce(100, push),
      Promise.all(ids.slice(0, 9).map((jobId) => endings.timeout(db, { jobId, claimNo: 0, workerId: '' }))),
    ]);
    expect(countOf(outcomes, 'created')).toBeLessThanOrEqual(9);
    expect(await countJobs(db, OPEN)).toBeLessThanOrEqual(CAP);
    await atOnce(30, push);
    expect(await countJobs(db, OPEN)).toBe(CAP);
  });

  test('does not count jobs whose window has closed, though nothing swept them yet', async () => {
    await atOnce(CAP, push);
    for (const jobId of (await openIds()).slice(0, 4)) await closeWindow(queue.db, jobId);
    expect(countOf(await atOnce(20, push), 'created')).toBe(4);
  });

  test('counts running jobs as well as waiting ones', async () => {
    const lane = { count: CAP, providerId: job.providerId ?? LANE };
    await atOnce(CAP, push);
    expect(await claim(queue.db, lane)).toHaveLength(CAP);
    expect(await push()).toEqual({ outcome: 'full', scope });
  });

  test('refuses without leaving a trace', async () => {
    await atOnce(CAP, push);
    const refused = newJob(job);
    expect(await enqueueJob(queue.db, refused)).toEqual({ outcome: 'full', scope });
    expect(await countJobs(queue.db, `id = '${refused.id}'`)).toBe(0);
    const { rows } = await queue.db.pool.query('select from processing_log where job_id = $1', [refused.id]);
    expect(rows).toEqual([]);
  });
});

test.each([
  ['a slot', 'of a slot', { slotId: 'slot-003' }],
  ['a provider', 'of a provider', {}],
])('the cap of %s refuses nothing of another', async (_, name, other) => {
  const cap = caps[name];
  await cap?.set();
  await atOnce(CAP + 1, () => enqueueJob(queue.db, newJob(cap?.job)));
  expect(await enqueueJob(queue.db, newJob(other))).toEqual({ outcome: 'created' });
});

describe('an upload', () => {
  test('repeated with the same id is a duplicate, and nothing is doubled', async () => {
    const job = newJob();
    expect(await enqueueJob(queue.db, job)).toEqual({ outcome: 'created' });
    expect(await enqueueJob(queue.db, job)).toEqual({ outcome: 'duplicate' });
    expect(await countJobs(queue.db, 'true')).toBe(1);
    const { rows } = await queue.db.pool.query('select status from processing_log');
    expect(rows).toEqual([{ status: 'received' }]);
  });

  test.each([
    ['', 1_000],
    [', and takes the last place', 1],
  ])('repeated while the first try waits for a lock is a duplicate as well%s', async (_, openMax) => {
    const again = newJob({ openMax });
    const lock = `select from admission where scope = 'all' for update`;
    const outcomes = await whileLocked(queue, lock, [
      () => enqueueJob(queue.db, again),
      () => enqueueJob(queue.db, again),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['created', 'duplicate']);
  });

  test('repeated after it was finished is a duplicate', async () => {
    const [held] = await claimedJobs(queue.db, 1);
    if (held === undefined) return expect.unreachable();
    await endings.success(queue.db, held);
    expect(await enqueueJob(queue.db, newJob({ id: held.jobId }))).toEqual({ outcome: 'duplicate' });
  });

  test.each([0, 1, 5_000])('that took %d ms longer than the window is late and leaves no row', async (overMs) => {
    expect(await enqueueJob(queue.db, newJob({ elapsedMs: WINDOW_MS + overMs }))).toEqual({ outcome: 'late' });
    expect(await countJobs(queue.db, 'true')).toBe(0);
    const { rows } = await queue.db.pool.query(`select open_bound from admission where scope = 'all'`);
    expect(rows).toEqual([{ open_bound: 0 }]);
  });

  test('whose window closes while it waits for a lock is late as well', async () => {
    const job = newJob({ windowMs: 15 });
    const lock = `select from admission where scope = 'all' for update`;
    const isOver = () =>
      vi.waitFor(async () => {
        const { rows } = await queue.db.pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query_start < clock_timestamp() - interval '30 milliseconds'`,
        );
        expect(rows).toHaveLength(1);
      });
    expect(await whileLocked(queue, lock, [() => enqueueJob(queue.db, job)], isOver)).toEqual([{ outcome: 'late' }]);
    expect(await countJobs(queue.db, 'true')).toBe(0);
  });

  test('is part of the window: the job was created when the request arrived, and ends a window later', async () => {
    const { pool } = queue.db;
    const clock = async () =>
      (await pool.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]?.now.getTime() ?? 0;
    const earliest = await clock();
    const jobId = await waitingJob(queue.db, { elapsedMs: 7_000 });
    const latest = await clock();
    const { rows } = await pool.query('select created_at, expires_at from job where id = $1', [jobId]);
    const { created_at: createdAt, expires_at: expiresAt } = rows[0];
    expect(createdAt.getTime()).toBeGreaterThanOrEqual(earliest - 7_000);
    expect(createdAt.getTime()).toBeLessThanOrEqual(latest - 7_000 + 1);
    expect(expiresAt - createdAt).toBe(WINDOW_MS);
  });
});
