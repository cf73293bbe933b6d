import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { succeedJob } from '../../src/repositories/job-queue.ts';
import { findJobOutcome, findResult, jobsWithPayload, knownResultPaths } from '../../src/repositories/jobs.ts';
import { callArgument } from '../../src/repositories/provider-call.ts';
import { deleteOldJobs, findExpiredResults, forgetResultFiles } from '../../src/repositories/retention.ts';
import { putSetting } from '../../src/repositories/settings.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import {
  aCall,
  claimedJob,
  claimedJobs,
  countJobs,
  createTestQueue,
  emptyQueue,
  endings,
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

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Lets a finished job have ended so long ago; past the trigger that forbids just that. */
async function letHaveEnded(jobId: string, agoMs: number): Promise<void> {
  const gap = sql`${agoMs} * interval '1 millisecond'`;
  await queue.db.kysely.transaction().execute(async (step) => {
    await sql`set local session_replication_role = replica`.execute(step);
    await sql`update job set created_at = created_at - ${gap}, expires_at = expires_at - ${gap},
      finalized_at = finalized_at - ${gap}, result_expires_at = result_expires_at - ${gap} where id = ${jobId}`.execute(
      step,
    );
  });
}

async function finished(hours = 72): Promise<{ jobId: string; path: string }> {
  const held = await claimedJob(queue.db);
  const result = picture({ retentionHours: hours });
  expect(await succeedJob(queue.db, held, result)).toBe(true);
  return { jobId: held.jobId, path: result.path };
}

describe('the retention of a result', () => {
  test('ends just the hours after the moment at which the row says that the job was finalised', async () => {
    const { pool } = queue.db;
    const workerId = randomUUID();
    await pool.query(
      `insert into job (id, slot_id, provider_id, operation_id, snapshot, created_at, expires_at, status, claim_no,
          started_at, worker_id, lease_until)
        select gen_random_uuid(), 'slot-001', 'studio', 'filter', '{}', now(), now() + interval '48 seconds', 'processing', 1,
          now(), $1, now() + interval '15 seconds' from generate_series(1, 1000)`,
      [workerId],
    );
    await pool.query(
      `select job_succeed(id, 1, $1, $2, 'no', 'results/x.jpg', 'image/jpeg', 3, repeat('b', 64), 72, 1200) from job`,
      [workerId, callArgument(aCall())],
    );
    const { rows } = await pool.query(
      `select extract(epoch from result_expires_at - finalized_at)::float8 * 1000 as ms, count(*)::int as jobs from job group by 1`,
    );
    expect(rows).toEqual([{ ms: 72 * HOUR_MS, jobs: 1_000 }]);
  });

  test('is what settings say, not what the process was started with', async () => {
    await putSetting(queue.db, 'processed_media_ttl_hours', 1.5, 'serg');
    const row = await readJob(queue.db, (await finished(72)).jobId);
    expect(Number(row.result_expires_at) - Number(row.finalized_at)).toBeCloseTo(1.5 * HOUR_MS, -1);
  });

  test('does not change for results that exist when settings change', async () => {
    const { jobId } = await finished(72);
    const before = await readJob(queue.db, jobId);
    await putSetting(queue.db, 'processed_media_ttl_hours', 1, 'serg');
    expect(await readJob(queue.db, jobId)).toEqual(before);
  });
});

describe('an expired result', () => {
  test('is found once its time is over, and not before', async () => {
    const { db } = queue;
    const [over, live] = [await finished(2), await finished(2)];
    await letHaveEnded(over.jobId, 2 * HOUR_MS);
    await letHaveEnded(live.jobId, 2 * HOUR_MS - 60_000);
    expect(await findExpiredResults(db)).toEqual([over]);
  });

  test('is forgotten, not its job: the link then answers that it is gone', async () => {
    const { db } = queue;
    const { jobId, path } = await finished(1);
    await letHaveEnded(jobId, HOUR_MS);
    const row = await readJob(db, jobId);
    expect(await knownResultPaths(db, [jobId])).toEqual(new Set([path]));
    await forgetResultFiles(db, [jobId]);
    await forgetResultFiles(db, [jobId]);
    expect(await readJob(db, jobId)).toEqual({ ...row, result_file_path: null });
    expect(await findExpiredResults(db)).toEqual([]);
    expect(await knownResultPaths(db, [jobId])).toEqual(new Set());
    expect(await findResult(db, jobId)).toMatchObject({
      path: null,
      mimeType: 'image/jpeg',
      expiresAt: row.result_expires_at,
    });
  });

  test('is not searched for among nothing', async () => {
    await forgetResultFiles(queue.db, []);
    expect(await knownResultPaths(queue.db, [])).toEqual(new Set());
    expect(await jobsWithPayload(queue.db, [])).toEqual(new Set());
  });
});

describe('a result', () => {
  test('is told with the time of the database, which decides whether the link is over', async () => {
    const { jobId, path } = await finished(72);
    const result = await findResult(queue.db, jobId);
    expect(result).toMatchObject({ path, sha256: 'b'.repeat(64) });
    expect(result?.readAt.getTime()).toBeGreaterThanOrEqual(result?.finalizedAt.getTime() ?? Number.NaN);
  });

  test.each(['failure', 'timeout', 'cancel'] as const)('is not there for a job that ended by %s', async (ending) => {
    const held = await claimedJob(queue.db);
    await endings[ending](queue.db, held);
    expect(await findResult(queue.db, held.jobId)).toBeUndefined();
  });

  test('is not there for an unfinished job or one that never was', async () => {
    expect(await findResult(queue.db, await waitingJob(queue.db))).toBeUndefined();
    expect(await findResult(queue.db, '00000000-0000-7000-8000-000000000000')).toBeUndefined();
    expect(await findJobOutcome(queue.db, '00000000-0000-7000-8000-000000000000')).toBeUndefined();
  });
});

test('a payload belongs to its job until the job ends: only then is its file an orphan', async () => {
  const { db } = queue;
  const [running, done] = await claimedJobs(db, 2);
  if (running === undefined || done === undefined) return expect.unreachable();
  await endings.failure(db, done);
  expect(await jobsWithPayload(db, [running.jobId, done.jobId])).toEqual(new Set([running.jobId]));
});

describe('old jobs', () => {
  test('are deleted with their events once they are counted, and nothing else is', async () => {
    const { db } = queue;
    const [old, recent] = [await finished(1), await finished(1)];
    await letHaveEnded(old.jobId, 400 * DAY_MS + 1_000);
    await letHaveEnded(recent.jobId, 400 * DAY_MS - 60_000);
    await forgetResultFiles(db, [old.jobId, recent.jobId]);
    const waiting = await waitingJob(db);
    expect(await deleteOldJobs(db, 400)).toBe(0);
    expect(await rollTallies(db, 24)).toBe('rolled');
    expect(await deleteOldJobs(db, 400)).toBe(1);
    expect(await deleteOldJobs(db, 400)).toBe(0);
    expect(await countJobs(db, `id in ('${recent.jobId}', '${waiting}')`)).toBe(2);
    const { rows } = await db.pool.query('select distinct job_id from processing_log');
    expect(rows.map(({ job_id }) => job_id).sort()).toEqual([recent.jobId, waiting].sort());
  });

  test('stay while their file is not yet removed: nobody else knows of it', async () => {
    const { jobId } = await finished(1);
    await letHaveEnded(jobId, 500 * DAY_MS);
    expect(await rollTallies(queue.db, 24)).toBe('rolled');
    expect(await deleteOldJobs(queue.db, 400)).toBe(0);
  });
});
