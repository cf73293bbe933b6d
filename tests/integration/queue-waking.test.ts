import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Listener, listen } from '../../src/db/notifications.ts';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { jobsFinalisedSince, releaseJobs, reserveCall, sweepJobs } from '../../src/repositories/job-queue.ts';
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
  newJob,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

let queue: TestQueue;
let listener: Listener;
const heard: string[] = [];

beforeAll(async () => {
  queue = await createTestQueue();
  listener = listen({
    connectionString: queue.database.url,
    channels: ['job_new', 'job_done', 'test_end'],
    onNotification: (channel, payload) => heard.push(`${channel} ${payload}`),
    onGap: () => {},
    log: pino({ level: 'silent' }),
  });
  await listener.ready;
});
beforeEach(() => emptyQueue(queue));
afterAll(async () => {
  await listener.stop();
  await queue.drop();
});

/** All that was heard since the last time, up to now: notifications arrive in the order of their commits. */
async function hear(): Promise<string[]> {
  const mark = randomUUID();
  await queue.db.pool.query(`select pg_notify('test_end', $1)`, [mark]);
  await vi.waitFor(() => expect(heard).toContain(`test_end ${mark}`), { timeout: 4_000, interval: 2 });
  return heard.splice(0).slice(0, -1);
}

const NEW = `job_new ${LANE}`;

describe('the workers of a lane are told', () => {
  test('of a job that waits', async () => {
    await waitingJob(queue.db);
    expect(await hear()).toEqual([NEW]);
  });

  test('nothing of a job that was claimed at once', async () => {
    await enqueueJob(queue.db, newJob({ claimFor: { workerId: randomUUID(), leaseMs: LEASE_MS } }));
    expect(await hear()).toEqual([]);
  });

  test('nothing of an upload that was refused', async () => {
    await waitingJob(queue.db, { openMax: 1 });
    await hear();
    await enqueueJob(queue.db, newJob({ openMax: 1 }));
    await enqueueJob(queue.db, newJob({ elapsedMs: 50_000 }));
    expect(await hear()).toEqual([]);
  });

  test('of a job that its worker gave back', async () => {
    const held = await claimedJob(queue.db);
    await hear();
    await releaseJobs(queue.db, held.workerId, [held]);
    expect(await hear()).toEqual([NEW]);
  });

  test('of a job whose worker died', async () => {
    const held = await claimedJob(queue.db);
    await endLease(queue.db, held.jobId);
    await hear();
    await sweepJobs(queue.db, 0);
    expect(await hear()).toEqual([NEW]);
  });

  test('on the lane where the job is by now', async () => {
    const { db } = queue;
    await db.pool.query(`insert into lane (provider_id, running_max) values ('spare', 3)`);
    const held = await claimedJob(db);
    await reserveCall(db, held, 'spare');
    await hear();
    await releaseJobs(db, held.workerId, [held]);
    expect(await hear()).toEqual(['job_new spare']);
  });
});

describe('whoever holds the request is told that its job is final', () => {
  test.each(Object.keys(endings) as (keyof typeof endings)[])('by %s', async (ending) => {
    const held = await claimedJob(queue.db);
    await hear();
    await endings[ending](queue.db, held);
    expect(await hear()).toEqual([`job_done ${held.jobId}`]);
  });

  test('by a sweep of a closed window', async () => {
    const jobId = await waitingJob(queue.db);
    await closeWindow(queue.db, jobId);
    await hear();
    await sweepJobs(queue.db, 0);
    expect(await hear()).toEqual([`job_done ${jobId}`]);
  });

  test('by a sweep that finds no worker left to try', async () => {
    const held = await claimedJob(queue.db);
    await queue.db.pool.query('update job set claim_max = 1');
    await endLease(queue.db, held.jobId);
    await hear();
    await sweepJobs(queue.db, 0);
    expect(await hear()).toEqual([`job_done ${held.jobId}`]);
  });

  test('once, however many try to end it', async () => {
    const held = await claimedJob(queue.db);
    await hear();
    await Promise.all(Object.values(endings).map((end) => end(queue.db, held)));
    expect(await hear()).toEqual([`job_done ${held.jobId}`]);
  });

  test('and not before: claims, heartbeats and retries say nothing', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await hear();
    await reserveCall(db, held, LANE);
    await db.pool.query('select job_heartbeat($1, $2, $3, 1000)', [held.workerId, [held.jobId], [held.claimNo]]);
    await claim(db);
    expect(await hear()).toEqual([]);
  });
});

describe('the look at what became final', () => {
  test('finds what became final since the last look', async () => {
    const { db } = queue;
    const [first, second, third] = await claimedJobs(db, 3);
    if (!first || !second || !third) return expect.unreachable();
    await endings.success(db, first);
    const look = await jobsFinalisedSince(db, null);
    expect(look.ids).toEqual([first.jobId]);
    await endings.timeout(db, second);
    expect((await jobsFinalisedSince(db, look.lookedAt)).ids).toContain(second.jobId);
  });

  test('finds nothing in a queue without an end, and says when it looked', async () => {
    await waitingJob(queue.db);
    const { ids, lookedAt } = await jobsFinalisedSince(queue.db, null);
    expect(ids).toEqual([]);
    const { rows } = await queue.db.pool.query('select clock_timestamp() as now');
    expect(rows[0].now - lookedAt.getTime()).toBeLessThan(10_000);
  });

  test('never misses an end whose commit became visible after the look', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    const slow = await db.pool.connect();
    try {
      await slow.query('begin');
      await slow.query(`select job_end($1, 'cancelled', 'the station left', false)`, [held.jobId]);
      const { ids, lookedAt } = await jobsFinalisedSince(db, null);
      expect(ids).toEqual([]);
      await slow.query('commit');
      expect((await jobsFinalisedSince(db, lookedAt)).ids).toEqual([held.jobId]);
    } finally {
      slow.release();
    }
  });

  test('goes back 5 s, which bounds what is read again', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endings.success(db, held);
    const { rows } = await db.pool.query('select finalized_at from job where id = $1', [held.jobId]);
    const later = (ms: number) => new Date(rows[0].finalized_at.getTime() + ms);
    expect((await jobsFinalisedSince(db, later(4_990))).ids).toEqual([held.jobId]);
    expect((await jobsFinalisedSince(db, later(5_010))).ids).toEqual([]);
  });
});
