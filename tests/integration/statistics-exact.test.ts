import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import { countJobs } from '../../src/repositories/job-counts.ts';
import { type Claim, succeedJob, sweepJobs } from '../../src/repositories/job-queue.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { type Step, transaction } from '../../src/repositories/transaction.ts';
import { readGlobalStatistics } from '../../src/services/statistics/read-global-statistics.ts';
import { readSlotStatistics } from '../../src/services/statistics/read-slot-statistics.ts';
import {
  atOnce,
  claim,
  claimOf,
  createTestQueue,
  emptyQueue,
  endings,
  picture,
  setLane,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';
import { type CountedJob, DAY_MS, expectFigures, HOUR_MS, readJobs, storeJobs } from '../support/statistics.ts';

const SLOTS = ['slot-001', 'slot-002', 'slot-015'] as const;
const PROVIDERS = ['studio', 'gemini'] as const;
const REASONS = [null, null, null, 'timeout', 'provider_error', 'cancelled'] as const;
const DAYS = 12;

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue({ poolSize: 12 });
  await emptyQueue(queue);
  await setLane(queue.db, { id: 'gemini' });
});
afterAll(() => queue.drop());

const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;
const chance = (share: number): boolean => Math.random() < share;
const ago = (ms: number): Date => new Date(Date.now() - ms);
const somewhere = () => ({ slotId: pick(SLOTS), providerId: pick(PROVIDERS) });

/** Moves a job's times back to some moment of the last days, but into no hour that is counted already: nothing happens in the past. */
const moveBack = (db: Db, jobId: string): Promise<void> =>
  transaction(db, async ({ kysely }) => {
    await sql`set local session_replication_role = replica`.execute(kysely);
    await sql`
      with mark as materialized (select rolled_until from tally_mark for share),
      room as (
        select j.id, j.created_at, greatest(rolled_until, clock_timestamp() - ${DAYS} * interval '1 day') as earliest
        from job j, mark where j.id = ${jobId}
      ), chosen as (
        select id, created_at - earliest - random() * (created_at - earliest - interval '2 minutes') as gap from room
      )
      update job j set created_at = j.created_at - gap, expires_at = j.expires_at - gap, started_at = j.started_at - gap,
        finalized_at = j.finalized_at - gap + random() * interval '47 seconds'
      from chosen where j.id = chosen.id`.execute(kysely);
  });

/** Moves the end of a job to some moment since it arrived, as far as that is not counted yet. */
const moveEnd = (db: Db, jobId: string): Promise<void> =>
  transaction(db, async ({ kysely }) => {
    await sql`set local session_replication_role = replica`.execute(kysely);
    await sql`
      with mark as materialized (select rolled_until from tally_mark for share),
      room as (select greatest(j.created_at, rolled_until) as earliest from job j, mark where j.id = ${jobId})
      update job j set finalized_at = earliest + random() * (clock_timestamp() - earliest)
      from room where j.id = ${jobId} and j.finalized_at >= earliest`.execute(kysely);
  });

/** A photo that nobody takes: it arrived some day, and ends whenever it is looked at. */
async function forgottenPhoto(db: Db): Promise<void> {
  const jobId = await waitingJob(db, somewhere());
  await moveBack(db, jobId);
  if (chance(0.4)) await sweepJobs(db, 0);
  else if (chance(0.7)) await endings.cancel(db, { jobId, claimNo: 0, workerId: randomUUID() });
  if (chance(0.7)) await moveEnd(db, jobId);
}

async function takenPhoto(db: Db): Promise<void> {
  const place = somewhere();
  const [workerId, jobId] = [randomUUID(), await waitingJob(db, place)];
  const [job] = await claim(db, { workerId, providerId: place.providerId, only: [jobId] });
  const held: Claim = claimOf(job ?? expect.unreachable(), workerId);
  // some pictures are made by the other provider: those count for the one that made them
  if (chance(0.6)) await succeedJob(db, held, picture({ providerId: pick(PROVIDERS) }));
  else await endings[pick(['failure', 'timeout', 'cancel'] as const)](db, held);
  if (chance(0.9)) await moveBack(db, jobId);
}

/** Begins to count and comes to nothing: the transaction is given up, or its process dies. */
async function rollInVain({ pool }: Db): Promise<void> {
  const client = await pool.connect();
  try {
    const { rows } = await client
      .query<{ pid: number }>('begin; select pg_backend_pid() as pid')
      .then((results) => (results as unknown as [unknown, { rows: { pid: number }[] }])[1]);
    await client.query('select tally_roll(4)');
    if (chance(0.5)) await client.query('rollback');
    else await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  } finally {
    client.release(true);
  }
}

async function rollSomehow(db: Db): Promise<void> {
  const hours = 1 + Math.floor(Math.random() * 7);
  // a clock that went back by days, and forward again
  if (chance(0.05)) await rollTallies(db, hours, ago(Math.random() * 5 * DAY_MS));
  else if (chance(0.2)) await rollInVain(db);
  else if (chance(0.3)) await atOnce(3, () => rollTallies(db, hours));
  else await rollTallies(db, hours);
}

function someRange(daysMax: number): { from: Date; to: Date } {
  const lengthMs = chance(0.5) ? Math.random() * 2 * DAY_MS : Math.random() * daysMax * DAY_MS;
  const to = chance(0.4) ? ago(-HOUR_MS) : ago(Math.random() * DAYS * DAY_MS);
  const from = new Date(to.getTime() - 1 - lengthMs);
  if (chance(0.3)) from.setUTCMinutes(0, 0, 0);
  return { from, to };
}

const asked = ({ from, to }: { from: Date; to: Date }) => ({ from: from.toISOString(), to: to.toISOString() });

async function checkSlot(step: Step, jobs: readonly CountedJob[]): Promise<void> {
  const [range, slotId] = [someRange(14), pick(SLOTS)];
  const groupBy = pick(['hour', 'day', 'week'] as const);
  const deps = { db: step, now: () => new Date() };
  const { summary, metrics } = await readSlotStatistics(deps, { slotId, ...asked(range), groupBy });
  const resetAt = new Date(summary.last_reset_at ?? 0);
  const sinceReset = (from: Date) => (from < resetAt ? resetAt : from);
  expectFigures(summary, jobs, { ...range, from: sinceReset(range.from), slotId });
  for (const period of metrics) {
    const [from, to] = [sinceReset(new Date(period.period_start)), new Date(period.period_end)];
    expectFigures(period, jobs, { from, to, slotId });
  }
}

async function checkAll(step: Step, jobs: readonly CountedJob[]): Promise<void> {
  const range = someRange(80);
  const filter = { slotId: pick([undefined, ...SLOTS]), providerId: pick([undefined, ...PROVIDERS]) };
  const wish = {
    ...asked(range),
    ...filter,
    groupBy: pick(['day', 'week', 'month'] as const),
    page: 1,
    pageSize: undefined,
  };
  const deps = { db: step, now: () => new Date() };
  const { summary, data } = await readGlobalStatistics(deps, { ...wish, sortBy: 'success', sortOrder: 'asc' });
  expectFigures(summary, jobs, { ...range, ...filter });
  for (const period of data) {
    expectFigures(period, jobs, { from: new Date(period.period_start), to: new Date(period.period_end), ...filter });
  }
}

async function checkCounts(step: Step, jobs: readonly CountedJob[]): Promise<void> {
  const slotId = pick([undefined, ...SLOTS]);
  const status = pick([undefined, 'pending', 'processing'] as const);
  const isFinalized = pick([undefined, true, false]);
  const failureReason = pick([undefined, undefined, 'timeout', 'provider_error', 'cancelled'] as const);
  const fits = (job: CountedJob): boolean =>
    (slotId ?? job.slotId) === job.slotId &&
    (status ?? job.status) === job.status &&
    (isFinalized ?? job.finalizedAt !== null) === (job.finalizedAt !== null) &&
    (failureReason ?? job.failureReason) === job.failureReason;
  const filter = { slotId, status, isFinalized, failureReason };
  expect({ filter, count: await countJobs(step, filter) }).toEqual({ filter, count: jobs.filter(fits).length });
}

/** What is told and what the rows say, at the same moment. */
const check = (db: Db): Promise<void> =>
  db.kysely
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (kysely) => {
      const step = { kysely };
      const jobs = await readJobs(step);
      await checkSlot(step, jobs);
      await checkAll(step, jobs);
      for (let time = 0; time < 3; time++) await checkCounts(step, jobs);
    });

const resetSomeSlot = (db: Db) =>
  db.pool.query('update slot set last_reset_at = $1 where id = $2', [ago(Math.random() * DAYS * DAY_MS), pick(SLOTS)]);

describe('every event counts exactly once', () => {
  test('at every moment, while photos arrive and end, hours are counted by several processes, and some of them die', async () => {
    const { db } = queue;
    await storeJobs(
      db,
      Array.from({ length: 400 }, () => ({
        ...somewhere(),
        createdAt: ago(HOUR_MS + Math.random() * (chance(0.2) ? 70 : DAYS) * DAY_MS),
        tookMs: Math.floor(Math.random() ** 3 * 48_000),
        failureReason: pick(REASONS),
      })),
    );
    await check(db);
    await atOnce(4, async () => {
      for (let step = 0; step < 45; step++) {
        await (chance(0.3) ? forgottenPhoto(db) : takenPhoto(db));
        if (chance(0.5)) await rollSomehow(db);
        if (chance(0.05)) await resetSomeSlot(db);
        if (chance(0.3)) await check(db);
      }
    });
    while ((await rollTallies(db, 24)) === 'rolled') await check(db);
    expect(await rollTallies(db, 24)).toBe('done');
    await atOnce(20, () => check(db));
    const { rows } = await db.pool.query('select sum(ingest_count)::int as counted from tally_hour');
    expect(rows[0].counted).toBeGreaterThan(400);
  });
});
