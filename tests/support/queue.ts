/** A queue on a database of its own, and makers of what its tests need. Time is moved in the rows, never waited for. */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, vi } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import { createKysely } from '../../src/db/pool.ts';
import { type EnqueueOutcome, enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { enqueueWithin } from '../../src/repositories/job-originals.ts';
import {
  type Claim,
  type ClaimedJob,
  claimJobs,
  endJob,
  failJob,
  type StoredOutcome,
  succeedJob,
} from '../../src/repositories/job-queue.ts';
import type { ProviderCall } from '../../src/repositories/provider-call.ts';
import { transaction } from '../../src/repositories/transaction.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** The lane that jobs go to unless a test says otherwise. */
export const LANE = 'studio';
export const SLOT = 'slot-001';
export const WINDOW_MS = 48_000;
export const LEASE_MS = 15_000;
export const RETENTION_HOURS = 72;

export interface TestQueue {
  readonly db: Db;
  readonly database: TestDatabase;
  drop(): Promise<void>;
}

/** A migrated database without a lane: see {@link emptyQueue}. */
export async function createTestQueue({ poolSize = 10 } = {}): Promise<TestQueue> {
  const database = await createTestDatabase({ poolSize });
  const db = { pool: database.pool, kysely: createKysely(database.pool) };
  return { db, database, drop: () => database.drop() };
}

export interface LaneShape {
  readonly id?: string;
  readonly runningMax?: number;
  readonly openMax?: number | null;
  readonly callsPerMinute?: number | null;
  /** How many calls may begin at once; also what the bucket holds now. */
  readonly burst?: number;
}

/** Makes a lane what a test needs, with a full bucket and nothing counted. */
export async function setLane(db: Db, shape: LaneShape = {}): Promise<void> {
  const { id = LANE, runningMax = 1_000, openMax = null, callsPerMinute = null, burst = 10 } = shape;
  const row = { running_max: runningMax, open_max: openMax, calls_per_minute: callsPerMinute, calls_burst: burst };
  const state = { running_bound: 0, open_bound: 0, tokens: burst, refilled_at: sql<Date>`clock_timestamp()` };
  await db.kysely
    .insertInto('lane')
    .values({ provider_id: id, ...row, ...state })
    .onConflict((conflict) => conflict.column('provider_id').doUpdateSet({ ...row, ...state }))
    .execute();
}

/** No jobs, no events, nothing counted, no settings, no slot limits, and one wide lane. */
export async function emptyQueue({ db }: TestQueue): Promise<void> {
  await db.pool.query(`delete from job; delete from processing_log; delete from lane; delete from circuit; delete from provider_call; delete from platform_setting;
    update admission set open_max = null, open_bound = 0;
    delete from tally_hour; delete from tally_day; delete from job_kept;
    update tally_mark set rolled_until = '-infinity', deleted_until = '-infinity'`);
  await setLane(db);
}

/** A job that arrived just now, with room for a thousand others. */
export function newJob(overrides: Partial<NewJob> = {}): NewJob {
  const id = overrides.id ?? randomUUID();
  return {
    id,
    slotId: SLOT,
    providerId: LANE,
    operationId: 'filter',
    snapshot: {
      settings: { effect: 'vintage' },
      photo: { mimeType: 'image/jpeg', sizeBytes: 3, sha256: 'a'.repeat(64) },
    },
    metadata: {},
    payloadPath: `uploads/${id}`,
    elapsedMs: 0,
    windowMs: WINDOW_MS,
    openMax: 1_000,
    claimFor: undefined,
    ...overrides,
  };
}

/** Puts a job in the queue, where it waits. @returns its id. */
export async function waitingJob(db: Db, overrides: Partial<NewJob> = {}): Promise<string> {
  const job = newJob(overrides);
  expect(await enqueueJob(db, job)).toEqual({ outcome: 'created' });
  return job.id;
}

/** Puts a job in the queue of a provider that nobody serves: it waits until its window closes. */
export async function enqueueForNobody(db: Db, overrides: Partial<NewJob> = {}): Promise<string> {
  const job = newJob({ providerId: 'nobody', ...overrides });
  await transaction(db, async (step) => {
    await step.kysely.insertInto('lane').values({ provider_id: 'nobody', running_max: 1 }).execute();
    expect(await enqueueWithin(step, job, undefined)).toEqual({ outcome: 'created' });
    await step.kysely.deleteFrom('lane').where('provider_id', '=', 'nobody').execute();
  });
  return job.id;
}

/** Puts jobs in the queue and claims them all for the worker, in any order. */
export async function claimedJobs(
  db: Db,
  count: number,
  { workerId = randomUUID(), ...overrides }: Partial<NewJob> & { workerId?: string } = {},
): Promise<Claim[]> {
  const ids = new Set(await atOnce(count, () => waitingJob(db, overrides)));
  const jobs = await claim(db, { workerId, count, providerId: overrides.providerId ?? LANE });
  expect(new Set(jobs.map(({ id }) => id))).toEqual(ids);
  return jobs.map((job) => claimOf(job, workerId));
}

/** One claimed job. */
export async function claimedJob(db: Db, overrides: Parameters<typeof claimedJobs>[2] = {}): Promise<Claim> {
  const [claimed] = await claimedJobs(db, 1, overrides);
  return claimed as Claim;
}

export const claimOf = (job: ClaimedJob, workerId: string): Claim => ({
  jobId: job.id,
  claimNo: job.claimNo,
  workerId,
});

/** Claims for a worker; by default a new one, one job of the usual lane. */
export const claim = (db: Db, want: Partial<Parameters<typeof claimJobs>[1]> = {}): Promise<ClaimedJob[]> =>
  claimJobs(db, { providerId: LANE, workerId: randomUUID(), count: 1, leaseMs: LEASE_MS, ...want });

/** A call that was made once. */
export const aCall = (overrides: Partial<ProviderCall> = {}): ProviderCall => ({
  providerId: LANE,
  keyId: '',
  model: '*',
  attemptNo: 1,
  claimNo: 1,
  linkNo: 0,
  isTest: false,
  ...overrides,
});

/** A stored picture that nobody drew. */
export const picture = ({
  providerId = LANE,
  ...overrides
}: Partial<StoredOutcome> & { providerId?: string } = {}): StoredOutcome => ({
  call: aCall({ providerId }),
  charged: 'no',
  path: `results/${randomUUID()}.jpg`,
  mimeType: 'image/jpeg',
  sizeBytes: 3,
  sha256: 'b'.repeat(64),
  retentionHours: RETENTION_HOURS,
  providerLatencyMs: 1_200,
  ...overrides,
});

/** The ways a job ends; each resolves to whether it was this one that ended it. */
export const endings = {
  success: (db: Db, held: Claim) => succeedJob(db, held, picture()),
  failure: (db: Db, held: Claim) => failJob(db, held, 'the provider said no'),
  timeout: (db: Db, { jobId }: Claim) =>
    endJob(db, { jobId, reason: 'timeout', message: 'the response window closed', onlyWaiting: false }),
  cancel: (db: Db, { jobId }: Claim) =>
    endJob(db, { jobId, reason: 'cancelled', message: 'the station left', onlyWaiting: false }),
} satisfies Record<string, (db: Db, held: Claim) => Promise<boolean>>;

/** The job's row, whole. */
export const readJob = (db: Db, jobId: string) =>
  db.kysely.selectFrom('job').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow();

/** Rows that meet an SQL condition. */
export async function countJobs(db: Db, condition: string): Promise<number> {
  const { rows } = await db.pool.query<{ count: number }>(`select count(*)::int as count from job where ${condition}`);
  return rows[0]?.count ?? Number.NaN;
}

export const RUNNING = `status = 'processing' and not is_finalized`;
export const OPEN = 'not is_finalized and expires_at > clock_timestamp()';

/** Lets a job have arrived so long ago that its window has closed; past the trigger that forbids just that. */
export async function closeWindow(db: Db, jobId: string): Promise<void> {
  await db.kysely.transaction().execute(async (step) => {
    await sql`set local session_replication_role = replica`.execute(step);
    await sql`update job set created_at = created_at - (expires_at - clock_timestamp()) - interval '1 second',
      expires_at = clock_timestamp() - interval '1 second' where id = ${jobId}`.execute(step);
  });
}

/** Lets the worker of a job have been silent for too long. */
export async function endLease(db: Db, jobId: string): Promise<void> {
  await db.pool.query(`update job set lease_until = clock_timestamp() - interval '1 second' where id = $1`, [jobId]);
}

/** How many of the outcomes are of a kind. */
export const countOf = (outcomes: readonly EnqueueOutcome[], kind: EnqueueOutcome['outcome']): number =>
  outcomes.filter(({ outcome }) => outcome === kind).length;

/** `count` calls at once. */
export const atOnce = <Value>(count: number, call: (index: number) => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => call(index)));

/**
 * Takes a lock, makes the calls, and lets go only when every one of them waits for it and `meanwhile` is done: a race that always
 * goes the same way.
 */
export async function whileLocked<Value>(
  { db }: TestQueue,
  lock: string,
  calls: readonly (() => Promise<Value>)[],
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<Value[]> {
  const client = await db.pool.connect();
  try {
    await client.query(`begin; ${lock}`);
    const answers = Promise.all(calls.map((call) => call()));
    answers.catch(() => {});
    await vi.waitFor(async () => expect(await countBlocked(db)).toBe(calls.length), { timeout: 4_000, interval: 5 });
    await meanwhile();
    await client.query('commit');
    return await answers;
  } finally {
    client.release(true);
  }
}

async function countBlocked(db: Db): Promise<number> {
  const { rows } = await db.pool.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]?.count ?? Number.NaN;
}
