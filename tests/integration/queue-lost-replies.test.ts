/** What a lost reply, a crash, a start or a wrong clock must not do to charges and standings. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import {
  endJob,
  keepTicket,
  releaseJobs,
  reserveCall,
  succeedJob,
  sweepJobs,
} from '../../src/repositories/job-queue.ts';
import { learnPaces, seedLanes, updateLane } from '../../src/repositories/lanes.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { findEarlierCalls, recordFailedCall } from '../../src/repositories/provider-call.ts';
import { transaction } from '../../src/repositories/transaction.ts';
import { breakCircuit, gateOf, letCircuitsPass, tellFailure, UNAVAILABLE } from '../support/circuits.ts';
import {
  aCall,
  atOnce,
  claim,
  claimedJob,
  claimOf,
  createTestQueue,
  emptyQueue,
  endLease,
  LANE,
  LEASE_MS,
  newJob,
  picture,
  SLOT,
  setLane,
  type TestQueue,
  waitingJob,
  whileLocked,
} from '../support/queue.ts';

const SPARE = 'spare';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(async () => {
  await emptyQueue(queue);
  await setLane(queue.db, { id: SPARE });
});
afterAll(() => queue.drop());

const eventsOf = async (jobId: string, status: string) =>
  (await listProcessingLog(queue.db, jobId)).filter((event) => event.status === status);
const ledgerOf = async (jobId: string) =>
  (await queue.db.pool.query('select * from provider_call where job_id = $1 order by attempt_no', [jobId])).rows;

/** Lets the worker of a job be lost, and the job go back to the queue. */
async function loseWorker(jobId: string): Promise<void> {
  await endLease(queue.db, jobId);
  expect(await sweepJobs(queue.db, 0)).toMatchObject([{ id: jobId, outcome: 'reclaimed' }]);
}

describe('a statement that is repeated because its reply was lost', () => {
  test('reserves one call', async () => {
    const { db } = queue;
    await setLane(db, { callsPerMinute: 60, burst: 5 });
    const held = await claimedJob(db);
    const reserve = () => reserveCall(db, held, LANE, { callsSoFar: 1 });
    expect(await reserve()).toEqual({ outcome: 'granted', attemptNo: 2 });
    expect(await reserve()).toEqual({ outcome: 'granted', attemptNo: 2 });
    expect(await atOnce(4, () => reserveCall(db, held, SPARE, { linkNo: 1, callsSoFar: 2 }))).toEqual(
      Array.from({ length: 4 }, () => ({ outcome: 'granted', attemptNo: 3 })),
    );
    expect(await eventsOf(held.jobId, 'dispatched')).toHaveLength(3);
  });

  test('finds out once how a provider is', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    for (let turn = 0; turn < 2; turn++)
      expect((await reserveCall(db, held, LANE, { callsSoFar: 1 })).outcome).toBe('granted');
  });

  test('tells a failure once, and counts it once', async () => {
    const { db } = queue;
    const { jobId } = await claimedJob(db);
    const failed = { jobId, slotId: SLOT, call: aCall(), failure: UNAVAILABLE, isAgainstProvider: true };
    await atOnce(5, () => recordFailedCall(db, { ...failed, latencyMs: 100, reason: 'not well' }));
    expect(await eventsOf(jobId, 'provider_responded')).toHaveLength(1);
    expect((await gateOf(db)).state).toBe('ready');
  });

  test('delivers one picture, which stays the one that was delivered', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    const made = picture({ charged: 'yes' });
    expect(await succeedJob(db, held, made)).toBe(true);
    expect(await succeedJob(db, held, made)).toBe(true);
    expect(await ledgerOf(held.jobId)).toEqual([expect.objectContaining({ outcome: 'image', charged: 'yes' })]);
    expect(await eventsOf(held.jobId, 'provider_responded')).toHaveLength(1);
  });
});

describe('the call that finds out how a provider is', () => {
  test.each([
    [
      'its job was cancelled',
      (jobId: string) => endJob(queue.db, { jobId, reason: 'cancelled', message: 'x', onlyWaiting: false }),
    ],
    ['its worker was lost', loseWorker],
  ])('makes room for another one at once when %s', async (_, end) => {
    const { db } = queue;
    const held = await claimedJob(db);
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
    expect((await gateOf(db)).state).toBe('probing');
    await end(held.jobId);
    expect((await gateOf(db)).state).toBe('probe');
  });

  test('is not made room for while it is under way, however it began', async () => {
    const { db } = queue;
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    const job = newJob({ claimFor: { workerId: randomUUID(), leaseMs: LEASE_MS } });
    expect((await enqueueJob(db, job)).outcome).toBe('claimed');
    expect((await gateOf(db)).state).toBe('probing');
    await endJob(db, { jobId: job.id, reason: 'timeout', message: 'x', onlyWaiting: false });
    const waiting = await waitingJob(db);
    expect(await claim(db)).toEqual([expect.objectContaining({ id: waiting })]);
    expect((await gateOf(db)).state).toBe('probing');
  });
});

describe('a job that was claimed before', () => {
  test('is not known to be uncharged because its second worker gave it back untouched', async () => {
    const { db } = queue;
    const { jobId } = await claimedJob(db);
    await loseWorker(jobId);
    const workerId = randomUUID();
    const [again] = await claim(db, { workerId });
    if (again) await releaseJobs(db, workerId, [claimOf(again, workerId)], { isUntouched: true });
    expect(await findEarlierCalls(db, jobId)).toEqual([{ providerId: LANE, charged: 'maybe' }]);
  });

  test('is entered with what its ticket came to in the end', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await keepTicket(db, held, '{"id":"t"}');
    await tellFailure(db, { jobId: held.jobId, attemptNo: 1, failure: { charged: 'maybe' } });
    await loseWorker(held.jobId);
    const workerId = randomUUID();
    const [again] = await claim(db, { workerId });
    const call = aCall({ claimNo: 2 });
    if (again) await succeedJob(db, claimOf(again, workerId), picture({ call, charged: 'yes' }));
    expect(await ledgerOf(held.jobId)).toMatchObject([{ claim_no: 2, outcome: 'image', charged: 'yes' }]);
  });

  test.each(['down', 'exhausted'])('has its ticket polled also while its provider is %s', async (standing) => {
    const { db } = queue;
    const held = await claimedJob(db);
    await keepTicket(db, held, '{"id":"t"}');
    await loseWorker(held.jobId);
    const others = await atOnce(3, () => waitingJob(db));
    if (standing === 'down') await breakCircuit(db);
    else await tellFailure(db, { failure: { kind: 'throttled', exhausted: true } });
    const claimed = await claim(db, { count: 3 });
    expect(claimed).toEqual([expect.objectContaining({ id: held.jobId, claimNo: 2, attemptNo: 1 })]);
    expect(others).not.toContain(held.jobId);
  });
});

describe('what was learnt of a provider', () => {
  test('is forgotten when its calls are too few to say it still', async () => {
    const { db } = queue;
    await db.pool.query('update lane set usual_ms = 47000, slow_ms = 48000');
    expect(await learnPaces(db)).toContainEqual({ providerId: LANE, usualMs: null, slowMs: null });
  });

  test('is not believed for longer than it can hold when the clock was set back', async () => {
    const { db } = queue;
    await breakCircuit(db);
    await letCircuitsPass(db, -3_600_000);
    expect((await gateOf(db)).state).toBe('probe');
    await tellFailure(db);
    expect(await gateOf(db)).toMatchObject({ state: 'down' });
    await db.pool.query(`delete from circuit; update lane set calls_per_day = 1, day_calls = 1,
      day_ends_at = clock_timestamp() + interval '3 days'`);
    expect((await gateOf(db)).state).toBe('ready');
  });

  test('of a used-up quota is tried anew after a day, whatever the service says', async () => {
    const { db } = queue;
    await tellFailure(db, {
      failure: { kind: 'throttled', exhausted: true, retryable: false, retryAfterMs: 30 * 86_400_000 },
    });
    const { state, waitMs } = await gateOf(db);
    expect(state).toBe('exhausted');
    expect(waitMs).toBeLessThanOrEqual(86_400_000);
  });
});

describe('a photo that may go to one of two providers', () => {
  const limits = { providerId: LANE, runningMax: 1_000, openMax: null, callsPerMinute: null, callsPerDay: null };

  test('is not in the way of a process that starts: known providers are not locked', async () => {
    const { db } = queue;
    await seedLanes(db, [limits]);
    const client = await db.pool.connect();
    try {
      await client.query(`begin; select from lane where provider_id = '${LANE}' for no key update`);
      await seedLanes(db, [limits, { ...limits, providerId: 'newer' }]);
    } finally {
      client.release(true);
    }
  }, 5_000);

  test('is not in a circle with a change of the limits of both', async () => {
    const { db } = queue;
    const change = () =>
      transaction(db, async (step) => {
        await updateLane(step, { ...limits, providerId: SPARE });
        await updateLane(step, limits);
      });
    await whileLocked(queue, `select from admission where scope = 'all' for no key update`, [change], () =>
      db.pool.query(`select from lane for no key update nowait`),
    );
  });
});
