import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { releaseJobs, reserveCall, sweepJobs } from '../../src/repositories/job-queue.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { recordFailedCall } from '../../src/repositories/provider-call.ts';
import {
  aCall,
  claim,
  claimedJob,
  claimOf,
  closeWindow,
  createTestQueue,
  emptyQueue,
  endings,
  endLease,
  LANE,
  LEASE_MS,
  newJob,
  SLOT,
  setLane,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

const FAILED = {
  slotId: SLOT,
  call: aCall(),
  failure: { kind: 'empty', retryable: true, charged: 'no' },
  isAgainstProvider: true,
} as const;

const eventsOf = async (jobId: string) => (await listProcessingLog(queue.db, jobId)).map(({ status }) => status);

describe('the events of a job', () => {
  test('tell a success in the order it happened', async () => {
    const held = await claimedJob(queue.db);
    await endings.success(queue.db, held);
    expect(await eventsOf(held.jobId)).toEqual(['received', 'dispatched', 'provider_responded', 'succeeded']);
  });

  test('are the same for an upload that was claimed at once', async () => {
    const { db } = queue;
    const workerId = randomUUID();
    const job = newJob({ claimFor: { workerId, leaseMs: LEASE_MS } });
    await enqueueJob(db, job);
    await endings.success(db, { jobId: job.id, claimNo: 1, workerId });
    expect(await eventsOf(job.id)).toEqual(['received', 'dispatched', 'provider_responded', 'succeeded']);
  });

  test('tell every call with its provider and numbers, and every answer', async () => {
    const { db } = queue;
    await setLane(db, { id: 'spare' });
    const workerId = randomUUID();
    const first = await claimedJob(db, { workerId });
    const { jobId } = first;
    await recordFailedCall(db, { ...FAILED, jobId, latencyMs: 1_234.6, reason: 'NO_IMAGE' });
    await reserveCall(db, first, 'spare', { linkNo: 1 });
    await endLease(db, jobId);
    await sweepJobs(db, 0);
    const [again] = await claim(db, { workerId, providerId: 'spare' });
    if (again === undefined) return expect.unreachable();
    await reserveCall(db, claimOf(again, workerId), 'spare', { linkNo: 1 });
    await endings.failure(db, claimOf(again, workerId));
    const events = await listProcessingLog(db, jobId);
    expect(events.map(({ status, details }) => [status, details])).toEqual([
      ['received', null],
      ['dispatched', { provider_id: LANE, attempt_no: 1, claim_no: 1, link_no: 0 }],
      [
        'provider_responded',
        { provider_id: LANE, model: '*', attempt_no: 1, claim_no: 1, link_no: 0, outcome: 'empty', charged: 'no' },
      ],
      ['dispatched', { provider_id: 'spare', attempt_no: 2, claim_no: 1, link_no: 1 }],
      ['dispatched', { provider_id: 'spare', attempt_no: 3, claim_no: 2, link_no: 1 }],
      ['failed', { failure_reason: 'provider_error', provider_id: 'spare', link_no: 1 }],
    ]);
    expect(events[2]).toMatchObject({ message: 'NO_IMAGE', providerLatencyMs: 1_235 });
    expect(events[5]).toMatchObject({ message: 'the provider said no' });
    const times = events.map(({ occurredAt }) => occurredAt.getTime());
    expect(times).toEqual(times.toSorted((one, other) => one - other));
  });

  test.each([
    ['success', 'succeeded'],
    ['failure', 'failed'],
    ['timeout', 'timeout'],
    ['cancel', 'failed'],
  ] as const)('end once with a %s: %s', async (ending, status) => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endings[ending](db, held);
    for (const again of Object.values(endings)) await again(db, held);
    await sweepJobs(db, 0);
    const finals = (await eventsOf(held.jobId)).filter((event) => ['succeeded', 'failed', 'timeout'].includes(event));
    expect(finals).toEqual([status]);
  });

  test('end with a timeout when the sweep closes the window', async () => {
    const jobId = await waitingJob(queue.db);
    await closeWindow(queue.db, jobId);
    await sweepJobs(queue.db, 0);
    expect(await eventsOf(jobId)).toEqual(['received', 'timeout']);
  });

  test('do not tell a heartbeat, a reclaim or a release', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await db.pool.query('select job_heartbeat($1, $2, $3, 1000)', [held.workerId, [held.jobId], [held.claimNo]]);
    await releaseJobs(db, held.workerId, [held]);
    expect(await eventsOf(held.jobId)).toEqual(['received', 'dispatched']);
  });

  test('keep the first 1,024 characters of what a provider said, and never less than no time', async () => {
    const { db } = queue;
    const jobId = await waitingJob(db);
    await recordFailedCall(db, { ...FAILED, jobId, latencyMs: -3, reason: 'x'.repeat(4_000) });
    const [, told] = await listProcessingLog(db, jobId);
    expect(told).toMatchObject({ message: 'x'.repeat(1_024), providerLatencyMs: 0 });
  });
});
