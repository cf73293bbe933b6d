import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { endJob } from '../../src/repositories/job-queue.ts';
import {
  atOnce,
  claimedJob,
  countJobs,
  countOf,
  createTestQueue,
  emptyQueue,
  endings,
  newJob,
  type TestQueue,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

describe('the same request', () => {
  const terms = (overrides: Partial<NonNullable<NewJob['terms']>> = {}) => ({
    requestHash: Buffer.alloc(32, 7),
    joinsRunning: true,
    ...overrides,
  });

  test('sent again while its job runs joins it, however many come at once', async () => {
    const { db } = queue;
    const outcomes = await atOnce(20, () => enqueueJob(db, newJob({ terms: terms() })));
    expect(countOf(outcomes, 'created')).toBe(1);
    expect(countOf(outcomes, 'joined')).toBe(19);
    expect(await countJobs(db, 'true')).toBe(1);
  });

  test('is a new job in another slot, with other contents, or after the first one ended', async () => {
    const { db } = queue;
    const held = await claimedJob(db, { terms: terms() });
    for (const other of [{ slotId: 'slot-002', terms: terms() }, { terms: terms({ requestHash: randomBytes(32) }) }])
      expect(await enqueueJob(db, newJob(other))).toEqual({ outcome: 'created' });
    await endings.success(db, held);
    expect(await enqueueJob(db, newJob({ terms: terms() }))).toEqual({ outcome: 'created' });
  });

  test('under a key gets the finished result of the first, until that is over', async () => {
    const { db } = queue;
    const keyed = terms({ idempotencyKey: 'party-17' });
    const held = await claimedJob(db, { terms: keyed });
    const ask = () => enqueueJob(db, newJob({ terms: keyed }));
    expect(await ask()).toEqual({ outcome: 'joined', jobId: held.jobId, isFinal: false });
    await endings.success(db, held);
    expect(await ask()).toEqual({ outcome: 'joined', jobId: held.jobId, isFinal: true });
    await db.pool.query('update job set result_file_path = null');
    expect(await ask()).toEqual({ outcome: 'created' });
  });

  test('under a key that belongs to another request is refused', async () => {
    const { db } = queue;
    await claimedJob(db, { terms: terms({ idempotencyKey: 'party-17' }) });
    const other = terms({ idempotencyKey: 'party-17', requestHash: randomBytes(32) });
    expect((await enqueueJob(db, newJob({ terms: other }))).outcome).toBe('key_reused');
    expect(await enqueueJob(db, newJob({ slotId: 'slot-002', terms: other }))).toEqual({ outcome: 'created' });
  });

  test.each(['failure', 'timeout', 'cancel'] as const)(
    'under the key of a job that ended with a %s is a new job',
    async (end) => {
      const { db } = queue;
      const keyed = terms({ idempotencyKey: 'party-17' });
      await endings[end](db, await claimedJob(db, { terms: keyed }));
      expect(await enqueueJob(db, newJob({ terms: keyed }))).toEqual({ outcome: 'created' });
    },
  );

  test('joins its job also where no place is free for another one', async () => {
    const { db } = queue;
    await enqueueJob(db, newJob({ openMax: 1, terms: terms() }));
    expect((await enqueueJob(db, newJob({ openMax: 1, terms: terms() }))).outcome).toBe('joined');
  });

  test('keeps its job from ending until the last requester leaves, wherever each was held', async () => {
    const { db } = queue;
    const first = newJob({ terms: terms() });
    const leave = () => endJob(db, { jobId: first.id, reason: 'cancelled', message: 'left', onlyWaiting: true });
    await enqueueJob(db, first);
    expect((await enqueueJob(db, newJob({ terms: terms() }))).outcome).toBe('joined');
    expect([await leave(), await leave()]).toEqual([false, true]);
  });
});
