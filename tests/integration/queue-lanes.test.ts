import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { reserveCall } from '../../src/repositories/job-queue.ts';
import { updateLane } from '../../src/repositories/lanes.ts';
import {
  atOnce,
  claim,
  claimedJob,
  claimedJobs,
  claimOf,
  countJobs,
  countOf,
  createTestQueue,
  emptyQueue,
  endings,
  LANE,
  LEASE_MS,
  newJob,
  RUNNING,
  readJob,
  setLane,
  type TestQueue,
  waitingJob,
  whileLocked,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue({ poolSize: 20 });
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

const RUNNING_MAX = 5;
const claimFor = () => ({ workerId: randomUUID(), leaseMs: LEASE_MS });
const running = (providerId = LANE) => countJobs(queue.db, `${RUNNING} and provider_id = '${providerId}'`);
/** The oldest running job; its claim's worker is read from the row. */
async function oneRunning() {
  const { rows } = await queue.db.pool.query(
    `select id, claim_no, worker_id from job where ${RUNNING} order by id limit 1`,
  );
  return { jobId: rows[0].id as string, claimNo: rows[0].claim_no as number, workerId: rows[0].worker_id as string };
}

describe('a provider never makes more calls at once than its limit', () => {
  test('when several workers claim at once', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: RUNNING_MAX });
    await atOnce(20, () => waitingJob(db));
    const taken = await atOnce(12, () => claim(db, { count: 3 }));
    expect(taken.flat()).toHaveLength(RUNNING_MAX);
    expect(new Set(taken.flat().map(({ id }) => id)).size).toBe(RUNNING_MAX);
    expect(await running()).toBe(RUNNING_MAX);
  });

  test('when uploads that claim for themselves race claims, and jobs end meanwhile', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: RUNNING_MAX });
    const seen: number[] = [];
    await atOnce(60, async (index) => {
      if (index % 3 === 0) await claim(db, { count: 2 });
      else await enqueueJob(db, newJob({ claimFor: claimFor() }));
      if (index % 4 === 0 && (await running()) > 0) await endings.cancel(db, await oneRunning());
      seen.push(await running());
    });
    expect(Math.max(...seen)).toBeLessThanOrEqual(RUNNING_MAX);
    await claim(db, { count: 2 * RUNNING_MAX });
    await claim(db, { count: 2 * RUNNING_MAX });
    expect(await running()).toBe(RUNNING_MAX);
  });

  test('when a reservation comes too late for its own job', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 2 });
    const [ended] = await claimedJobs(db, 2);
    if (ended === undefined) return expect.unreachable();
    const lock = `select from lane where provider_id = '${LANE}' for update`;
    const reserve = () => reserveCall(db, ended, LANE);
    const late = await whileLocked(queue, lock, [reserve], () => endings.cancel(db, ended));
    expect(late).toEqual([{ outcome: 'lost' }]);
    await atOnce(3, () => waitingJob(db));
    for (let turn = 0; turn < 3; turn++) await claim(db, { count: 1 });
    expect(await running()).toBe(2);
  });

  test('when it has no lane at all: then it makes none', async () => {
    const { db } = queue;
    const upload = newJob({ providerId: 'nobody', claimFor: claimFor() });
    expect(await enqueueJob(db, upload)).toMatchObject({ outcome: 'unserved', why: 'down' });
    expect(await claim(db, { providerId: 'nobody', count: 5 })).toEqual([]);
    expect((await reserveCall(db, await claimedJob(db), 'nobody')).outcome).toBe('barred');
  });
});

describe('a provider is used to its limit', () => {
  test('again as soon as jobs have ended', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 2 });
    for (let round = 0; round < 4; round++) {
      for (const held of await claimedJobs(db, 2)) await endings.success(db, held);
    }
    await claimedJobs(db, 2);
  });

  test('by one claim that asks for all the room there is', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 4 });
    for (const held of await claimedJobs(db, 3)) await endings.success(db, held);
    await atOnce(6, () => waitingJob(db));
    expect(await claim(db, { count: 4 })).toHaveLength(4);
  });

  test('at once when its limit is raised', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 1 });
    await atOnce(3, () => waitingJob(db));
    expect(await claim(db, { count: 3 })).toHaveLength(1);
    expect(
      await updateLane(db, { providerId: LANE, runningMax: 3, openMax: null, callsPerMinute: null, callsPerDay: null }),
    ).toBe(true);
    expect(await claim(db, { count: 3 })).toHaveLength(2);
  });
});

describe('an upload that claims for itself', () => {
  const upload = () => enqueueJob(queue.db, newJob({ claimFor: claimFor() }));

  test('is claimed at once when nothing waits in front and there is room', async () => {
    const job = newJob({ elapsedMs: 8_000, claimFor: claimFor() });
    const answer = await enqueueJob(queue.db, job);
    expect(answer).toEqual({ outcome: 'claimed', claimNo: 1, attemptNo: 1, linkNo: 0, leftMs: expect.any(Number) });
    if (answer.outcome === 'claimed') expect(answer.leftMs).toBeGreaterThan(39_000);
    if (answer.outcome === 'claimed') expect(answer.leftMs).toBeLessThanOrEqual(40_000);
    const row = await readJob(queue.db, job.id);
    expect(row).toMatchObject({ status: 'processing', claim_no: 1, attempt_no: 1, worker_id: job.claimFor?.workerId });
    expect(row.started_at).toBeInstanceOf(Date);
  });

  test('waits when another job waits in front', async () => {
    await waitingJob(queue.db);
    expect(await upload()).toEqual({ outcome: 'created' });
  });

  test('does not wait for another provider', async () => {
    await setLane(queue.db, { id: 'slow' });
    await waitingJob(queue.db, { providerId: 'slow' });
    expect((await upload()).outcome).toBe('claimed');
  });

  test.each([
    ['runs as much as it may', { runningMax: 2 }],
    ['may not be called sooner', { callsPerMinute: 1, burst: 2 }],
  ])('waits when the provider %s', async (_, lane) => {
    await setLane(queue.db, lane);
    const outcomes = await atOnce(10, upload);
    expect(countOf(outcomes, 'claimed')).toBe(2);
    expect(countOf(outcomes, 'created')).toBe(8);
  });

  test('is told what is left after it waited for a lock', async () => {
    let waitedMs = 0;
    const lock = `select from admission where scope = 'all' for update`;
    const [answer] = await whileLocked(queue, lock, [upload], async () => {
      const before = performance.now();
      await queue.db.pool.query('select 1');
      waitedMs = performance.now() - before;
    });
    expect(answer?.outcome).toBe('claimed');
    if (answer?.outcome === 'claimed') expect(answer.leftMs).toBeLessThanOrEqual(48_000 - waitedMs);
  });
});

describe('a call reserved on another provider', () => {
  beforeEach(() => setLane(queue.db, { id: 'spare', runningMax: 2, callsPerMinute: 1, burst: 2 }));

  test('moves the job there, where the limits of that provider count', async () => {
    const { db } = queue;
    const claims = await claimedJobs(db, 4);
    const outcomes = await Promise.all(claims.map((held) => reserveCall(db, held, 'spare')));
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['granted', 'granted', 'wait', 'wait']);
    expect(await running('spare')).toBe(2);
    expect(await running(LANE)).toBe(2);
  });

  test('gives its place on the first provider to others', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 1 });
    const held = await claimedJob(db);
    await waitingJob(db);
    expect(await claim(db)).toEqual([]);
    expect(await reserveCall(db, held, 'spare')).toEqual({ outcome: 'granted', attemptNo: 2 });
    expect(await claim(db)).toHaveLength(1);
  });

  test('counts for the cap of the provider it moved to', async () => {
    const { db } = queue;
    await setLane(db, { id: 'spare', openMax: 1 });
    expect((await reserveCall(db, await claimedJob(db), 'spare')).outcome).toBe('granted');
    expect(await enqueueJob(db, newJob({ providerId: 'spare' }))).toEqual({ outcome: 'full', scope: 'provider' });
  });

  test('makes the job return to that provider when its worker dies', async () => {
    const { db } = queue;
    const workerId = randomUUID();
    const held = await claimedJob(db, { workerId });
    await reserveCall(db, held, 'spare');
    await db.pool.query(`update job set status = 'pending', worker_id = null, lease_until = null`);
    await setLane(db, { id: 'spare' });
    expect(await claim(db)).toEqual([]);
    const [again] = await claim(db, { providerId: 'spare', workerId });
    expect(again && claimOf(again, workerId)).toEqual({ ...held, claimNo: 2 });
    // the call of a claim after the first is reserved by its worker
    expect(again).toMatchObject({ attemptNo: 2, linkNo: 0 });
  });
});
