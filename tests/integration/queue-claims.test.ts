import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keepTicket, reserveCall, sweepJobs } from '../../src/repositories/job-queue.ts';
import { lanesWithWork } from '../../src/repositories/lanes.ts';
import {
  atOnce,
  claim,
  claimedJob,
  claimedJobs,
  claimOf,
  closeWindow,
  createTestQueue,
  emptyQueue,
  endLease,
  LANE,
  newJob,
  readJob,
  setLane,
  type TestQueue,
  waitingJob,
  whileLocked,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

/** A waiting job of the slot that arrived so many seconds ago. */
const waiting = (seconds: number, slotId = 'slot-001') => waitingJob(queue.db, { slotId, elapsedMs: seconds * 1_000 });
const claimedIds = async (want: Parameters<typeof claim>[1] = {}) => (await claim(queue.db, want)).map(({ id }) => id);

describe('jobs are claimed', () => {
  test('oldest first within a slot', async () => {
    const [third, first, second] = [await waiting(10), await waiting(30), await waiting(20)];
    expect([await claimedIds(), await claimedIds(), await claimedIds()]).toEqual([[first], [second], [third]]);
  });

  test('oldest first over slots that wait for the same turn', async () => {
    const [third, first, second] = [await waiting(10, 'slot-003'), await waiting(30, 'slot-009'), await waiting(20)];
    expect([await claimedIds(), await claimedIds(), await claimedIds()]).toEqual([[first], [second], [third]]);
  });

  test('fairly: a slot with one photo is served among the first two, though another has twenty older ones', async () => {
    await atOnce(20, (index) => waiting(10 + index));
    const single = await waiting(1, 'slot-002');
    expect(await claimedIds({ count: 2 })).toContain(single);
  });

  test('fairly also when they are claimed one by one', async () => {
    await atOnce(20, (index) => waiting(10 + index));
    const single = await waiting(1, 'slot-002');
    expect([...(await claimedIds()), ...(await claimedIds())]).toContain(single);
  });

  test('fairly to slots that have nothing running yet', async () => {
    await claimedJobs(queue.db, 3, { slotId: 'slot-001' });
    await waiting(30);
    const fresh = await waiting(1, 'slot-002');
    expect(await claimedIds()).toEqual([fresh]);
  });

  test('in turns by slots that all have many', async () => {
    const slots = ['slot-001', 'slot-002', 'slot-003'];
    for (const slot of slots) await atOnce(4, (index) => waiting(10 + index, slot));
    const first = await claim(queue.db, { count: 6 });
    for (const slot of slots) expect(first.filter(({ slotId }) => slotId === slot)).toHaveLength(2);
  });

  test('only among those a process asks for', async () => {
    const [older, newer] = [await waiting(20), await waiting(10)];
    expect(await claimedIds({ count: 5, only: [] })).toEqual([]);
    expect(await claimedIds({ count: 5, only: [newer, randomUUID()] })).toEqual([newer]);
    expect(await claimedIds({ count: 5 })).toEqual([older]);
  });

  test('by one worker each, however many look at once', async () => {
    const ids = await atOnce(30, () => waiting(1));
    const taken = await atOnce(15, () => claimedIds({ count: 4 }));
    expect(taken.flat().sort()).toEqual(ids.sort());
  });

  test('of one provider at a time', async () => {
    await setLane(queue.db, { id: 'other' });
    const there = await waitingJob(queue.db, { providerId: 'other' });
    await waiting(5);
    expect(await claimedIds({ providerId: 'other', count: 5 })).toEqual([there]);
    expect(await lanesWithWork(queue.db)).toEqual([LANE]);
  });

  test('with all that a worker needs, and the time that is left', async () => {
    const job = newJob({ elapsedMs: 8_000 });
    await waitingJob(queue.db, job);
    const [claimed] = await claim(queue.db);
    expect(claimed).toEqual({
      id: job.id,
      slotId: job.slotId,
      providerId: job.providerId,
      operationId: job.operationId,
      snapshot: job.snapshot,
      payloadPath: job.payloadPath,
      claimNo: 1,
      attemptNo: 1,
      linkNo: 0,
      isTest: false,
      providerJobReference: null,
      leftMs: expect.any(Number),
      waitedMs: expect.any(Number),
    });
    expect(claimed?.waitedMs).toBeCloseTo(48_000 - (claimed?.leftMs ?? 0), -2);
    expect(claimed?.leftMs).toBeLessThanOrEqual(40_000);
    expect(claimed?.leftMs).toBeGreaterThan(30_000);
  });

  test('also when they came while the claim waited for its lane', async () => {
    const { db } = queue;
    const first = await waitingJob(db);
    const lock = `select from lane where provider_id = '${LANE}' for update`;
    const second = randomUUID();
    const [jobs] = await whileLocked(queue, lock, [() => claim(db, { count: 2 })], () =>
      db.pool.query(
        `insert into job (id, slot_id, provider_id, operation_id, snapshot, payload_path, created_at, expires_at)
         select $1, slot_id, provider_id, operation_id, snapshot, payload_path, clock_timestamp(), expires_at from job where id = $2`,
        [second, first],
      ),
    );
    expect(new Set(jobs?.map(({ id }) => id))).toEqual(new Set([first, second]));
  });
});

describe('a job is not claimed', () => {
  test('when its window has closed', async () => {
    await closeWindow(queue.db, await waiting(1));
    expect(await claimedIds()).toEqual([]);
  });

  test('when its window has closed, which keeps no other from being claimed', async () => {
    await closeWindow(queue.db, await waiting(20));
    const alive = await waiting(1);
    expect(await claimedIds()).toEqual([alive]);
  });

  test('when it is finished', async () => {
    const jobId = await waiting(1);
    await queue.db.pool.query(`select job_end($1, 'cancelled', 'the station left', true)`, [jobId]);
    expect(await claimedIds()).toEqual([]);
    expect(await lanesWithWork(queue.db)).toEqual([]);
  });

  test('more often than its limit; the sweep then fails it and tells its payload', async () => {
    const { db } = queue;
    const jobId = await waiting(1);
    const { claim_max: claimMax, payload_path: payloadPath } = await readJob(db, jobId);
    for (let claimNo = 1; claimNo <= claimMax; claimNo++) {
      expect(await claim(db)).toEqual([expect.objectContaining({ id: jobId, claimNo })]);
      await endLease(db, jobId);
      if (claimNo < claimMax)
        expect(await sweepJobs(db, 0)).toEqual([
          { id: jobId, providerId: LANE, payloadPath: null, outcome: 'reclaimed' },
        ]);
    }
    expect(await sweepJobs(db, 0)).toEqual([{ id: jobId, providerId: LANE, payloadPath, outcome: 'failed' }]);
    expect(await readJob(db, jobId)).toMatchObject({ failure_reason: 'provider_error', claim_no: claimMax });
    expect(await claim(db)).toEqual([]);
  });

  test('when it waits though its limit is reached', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endLease(db, held.jobId);
    await sweepJobs(db, 0);
    await db.pool.query('update job set claim_max = 1');
    expect(await claim(db)).toEqual([]);
  });
});

describe("a provider's ticket", () => {
  test('is there for the next worker, which makes no new call', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    expect(await keepTicket(db, held, '{"id":"t-1"}')).toBe(true);
    await endLease(db, held.jobId);
    await sweepJobs(db, 0);
    const [again] = await claim(db);
    expect(again).toMatchObject({ claimNo: 2, attemptNo: 1, providerJobReference: '{"id":"t-1"}' });
  });

  test('is forgotten with the next call', async () => {
    const { db } = queue;
    const workerId = randomUUID();
    await waiting(1);
    const [job] = await claim(db, { workerId });
    if (job === undefined) return expect.unreachable();
    const held = claimOf(job, workerId);
    await keepTicket(db, held, '{"id":"t-1"}');
    expect(await reserveCall(db, held, LANE)).toEqual({ outcome: 'granted', attemptNo: 2 });
    expect((await readJob(db, job.id)).provider_job_reference).toBeNull();
  });
});
