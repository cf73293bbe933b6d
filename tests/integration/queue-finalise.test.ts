import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Claim,
  endJob,
  keepTicket,
  renewLeases,
  reserveCall,
  succeedJob,
  sweepJobs,
} from '../../src/repositories/job-queue.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import {
  atOnce,
  claim,
  claimedJob,
  claimedJobs,
  closeWindow,
  countJobs,
  createTestQueue,
  emptyQueue,
  endings,
  endLease,
  LANE,
  LEASE_MS,
  picture,
  readJob,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

const FINAL = `('succeeded', 'failed', 'timeout')`;

const finalEvents = async (jobId: string): Promise<string[]> => {
  const { rows } = await queue.db.pool.query(
    `select status from processing_log where job_id = $1 and status in ${FINAL}`,
    [jobId],
  );
  return rows.map(({ status }) => status);
};

describe('a job is finalised exactly once', () => {
  const names = Object.keys(endings) as (keyof typeof endings)[];
  const pairs = names.flatMap((one, index) => names.slice(index).map((other) => [one, other] as const));

  test.each(pairs)('%s racing %s', async (one, other) => {
    const { db } = queue;
    const claims = await claimedJobs(db, 12);
    const wins = await Promise.all(
      claims.map(async (held) => {
        const results = await Promise.all([endings[one](db, held), endings[other](db, held)]);
        return results.filter(Boolean).length;
      }),
    );
    expect(wins).toEqual(claims.map(() => 1));
    expect(await countJobs(db, 'is_finalized')).toBe(claims.length);
    const { rows } = await db.pool.query(`select job_id from processing_log where status in ${FINAL}`);
    expect(rows.map(({ job_id }) => job_id).sort()).toEqual(claims.map(({ jobId }) => jobId).sort());
  });

  test('by five processes that sweep while its window has closed and its worker answers', async () => {
    const { db } = queue;
    const claims = await claimedJobs(db, 10);
    for (const { jobId } of claims) await closeWindow(db, jobId);
    const [swept, late] = await Promise.all([
      atOnce(5, () => sweepJobs(db, 0)),
      Promise.all(claims.map((held) => endings.success(db, held))),
    ]);
    expect(
      swept
        .flat()
        .map(({ id, outcome }) => `${id} ${outcome}`)
        .sort(),
    ).toEqual(claims.map(({ jobId }) => `${jobId} timeout`).sort());
    expect(late).toEqual(claims.map(() => false));
  });
});

describe('a late result', () => {
  /** What happened to the job before its result came. */
  const before: Record<string, (held: Claim) => Promise<unknown>> = {
    'the job timed out': (held) => endings.timeout(queue.db, held),
    'the job was cancelled': (held) => endings.cancel(queue.db, held),
    'the job failed': (held) => endings.failure(queue.db, held),
    'another result was accepted': (held) => endings.success(queue.db, held),
    'the window closed, though nobody swept yet': ({ jobId }) => closeWindow(queue.db, jobId),
    'the job went back to the queue': async ({ jobId }) => {
      await endLease(queue.db, jobId);
      await sweepJobs(queue.db, 0);
    },
    'another worker claimed the job': async ({ jobId }) => {
      await endLease(queue.db, jobId);
      await sweepJobs(queue.db, 0);
      expect(await claim(queue.db)).toHaveLength(1);
    },
    'the same worker claimed the job again': async ({ jobId, workerId }) => {
      await endLease(queue.db, jobId);
      await sweepJobs(queue.db, 0);
      expect(await claim(queue.db, { workerId })).toHaveLength(1);
    },
  };

  test.each(Object.keys(before))('is refused, changes nothing and is told after %s', async (name) => {
    const { db } = queue;
    const held = await claimedJob(db);
    await before[name]?.(held);
    const row = await readJob(db, held.jobId);
    const finals = await finalEvents(held.jobId);
    expect(await succeedJob(db, held, picture({ providerLatencyMs: 61_000 }))).toBe(false);
    expect(await readJob(db, held.jobId)).toEqual(row);
    expect(await finalEvents(held.jobId)).toEqual(finals);
    const told = await listProcessingLog(db, held.jobId);
    expect(told.filter(({ details }) => details?.['accepted'] === false)).toEqual([
      expect.objectContaining({
        status: 'provider_responded',
        providerLatencyMs: 61_000,
        details: expect.objectContaining({ claim_no: held.claimNo, provider_id: LANE, outcome: 'image' }),
      }),
    ]);
  });

  test.each(Object.keys(before))('of any other kind is refused too after %s', async (name) => {
    const { db } = queue;
    const held = await claimedJob(db);
    await before[name]?.(held);
    const row = await readJob(db, held.jobId);
    expect(await endings.failure(db, held)).toBe(false);
    expect(await keepTicket(db, held, 'ticket')).toBe(false);
    expect(await reserveCall(db, held, LANE)).toEqual({ outcome: 'lost' });
    expect(await renewLeases(db, held.workerId, [held], LEASE_MS)).toEqual(new Set());
    expect(await readJob(db, held.jobId)).toEqual(row);
  });

  test('for a job that never was is refused', async () => {
    const held = {
      jobId: '00000000-0000-7000-8000-000000000000',
      claimNo: 1,
      workerId: '00000000-0000-7000-8000-000000000001',
    };
    expect(await succeedJob(queue.db, held, picture())).toBe(false);
  });
});

test.each([
  ['another worker', (held: Claim) => ({ ...held, workerId: randomUUID() })],
  ['an earlier claim', (held: Claim) => ({ ...held, claimNo: held.claimNo - 1 })],
  ['a later claim', (held: Claim) => ({ ...held, claimNo: held.claimNo + 1 })],
  ['another job', (held: Claim) => ({ ...held, jobId: randomUUID() })],
])('what %s says of a job that somebody holds counts for nothing', async (_, other) => {
  const { db } = queue;
  const held = await claimedJob(db);
  const row = await readJob(db, held.jobId);
  const forged = other(held);
  expect(await endings.success(db, forged)).toBe(false);
  expect(await endings.failure(db, forged)).toBe(false);
  expect(await keepTicket(db, forged, 'ticket')).toBe(false);
  expect(await reserveCall(db, forged, LANE)).toEqual({ outcome: 'lost' });
  expect(await renewLeases(db, forged.workerId, [forged], LEASE_MS)).toEqual(new Set());
  expect(await readJob(db, held.jobId)).toEqual(row);
});

describe('ending a job from outside', () => {
  test('a station that left cancels its job only while no call has begun', async () => {
    const { db } = queue;
    const leave = (jobId: string) =>
      endJob(db, { jobId, reason: 'cancelled', message: 'the station left', onlyWaiting: true });
    const held = await claimedJob(db);
    const waiting = await waitingJob(db);
    expect(await leave(waiting)).toBe(true);
    expect(await leave(held.jobId)).toBe(false);
    await endLease(db, held.jobId);
    await sweepJobs(db, 0);
    expect(await leave(held.jobId), 'its call has begun, though the job waits again').toBe(false);
  });

  test('a finalised job holds no lease and no payload, and says when and why it ended', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await endings.failure(db, held);
    expect(await readJob(db, held.jobId)).toMatchObject({
      is_finalized: true,
      failure_reason: 'provider_error',
      failure_message: 'the provider said no',
      finalized_at: expect.any(Date),
      worker_id: null,
      lease_until: null,
      payload_path: null,
      result_file_path: null,
    });
  });

  test('a message of any length is kept to its first 1,024 characters', async () => {
    const { db } = queue;
    const jobId = await waitingJob(db);
    await endJob(db, { jobId, reason: 'timeout', message: 'é'.repeat(5_000), onlyWaiting: false });
    expect((await readJob(db, jobId)).failure_message).toBe('é'.repeat(1_024));
  });

  test('a result that was accepted is what the row says', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    const result = picture({ providerId: 'other' });
    expect(await succeedJob(db, held, result)).toBe(true);
    expect(await readJob(db, held.jobId)).toMatchObject({
      is_finalized: true,
      failure_reason: null,
      result_file_path: result.path,
      result_mime_type: result.mimeType,
      result_size_bytes: result.sizeBytes,
      result_checksum: result.sha256,
      result_provider_id: 'other',
    });
  });
});
