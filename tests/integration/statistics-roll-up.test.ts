import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKysely } from '../../src/db/pool.ts';
import { createLog } from '../../src/log.ts';
import { countJobs } from '../../src/repositories/job-counts.ts';
import { succeedJob } from '../../src/repositories/job-queue.ts';
import { deleteOldJobs } from '../../src/repositories/retention.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { readGlobalStatistics } from '../../src/services/statistics/read-global-statistics.ts';
import { readSlotStatistics } from '../../src/services/statistics/read-slot-statistics.ts';
import { rollUp } from '../../src/worker/roll-up.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { createTestDatabase } from '../support/database.ts';
import { ask } from '../support/http.ts';
import { createLogBook } from '../support/log-book.ts';
import { atOnce, claimedJob, createTestQueue, emptyQueue, endings, picture, type TestQueue } from '../support/queue.ts';
import { startTestServer } from '../support/server.ts';
import { eventually } from '../support/slots.ts';
import { type BackdatedJob, DAY_MS, expectFigures, HOUR_MS, readJobs, storeJobs } from '../support/statistics.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(async () => {
  await emptyQueue(queue);
  await queue.db.pool.query('update slot set last_reset_at = null');
});
afterAll(() => queue.drop());

/** The beginning of an hour some days ago. */
const HOUR = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * DAY_MS);
const later = (start: Date, ms: number): Date => new Date(start.getTime() + ms);
const TOMORROW = later(new Date(), DAY_MS);
const roll = () => rollUp({ db: queue.db, log: createLog('silent') });

const global = async (from: Date, to: Date, filter: { providerId?: string; slotId?: string } = {}) => {
  const range = { from: from.toISOString(), to: to.toISOString(), groupBy: 'month' as const };
  const listing = { sortBy: 'period_start', sortOrder: 'asc', page: 1, pageSize: 50 } as const;
  const deps = { db: queue.db, now: () => new Date() };
  return (await readGlobalStatistics(deps, { ...range, ...filter, ...listing })).summary;
};
const slot = async (from: Date, to: Date) =>
  (
    await readSlotStatistics(
      { db: queue.db, now: () => new Date() },
      { slotId: 'slot-001', from: from.toISOString(), to: to.toISOString() },
    )
  ).summary;

const tallied = async (): Promise<number> => {
  const { rows } = await queue.db.pool.query('select coalesce(sum(ingest_count), 0)::int as n from tally_hour');
  return rows[0].n;
};

const jobsAt = (...times: Date[]): BackdatedJob[] => times.map((createdAt) => ({ createdAt, tookMs: 1_000 }));

describe('an hour is counted', () => {
  test('a quarter of an hour after its end, and not a millisecond before', async () => {
    await storeJobs(queue.db, jobsAt(later(HOUR, HOUR_MS - 1)));
    expect(await rollTallies(queue.db, 6, later(HOUR, 1.25 * HOUR_MS - 1))).toBe('done');
    expect(await rollTallies(queue.db, 6, later(HOUR, 1.25 * HOUR_MS))).toBe('rolled');
    expect(await rollTallies(queue.db, 6, later(HOUR, 1.25 * HOUR_MS))).toBe('done');
    expect(await tallied()).toBe(1);
  });

  test('only when no transaction is open that may still write into it', async () => {
    await storeJobs(queue.db, jobsAt(later(HOUR, 1)));
    const client = await queue.db.pool.connect();
    try {
      await client.query('begin; lock table job in row exclusive mode');
      expect(await rollTallies(queue.db, 6, later(new Date(), 1.25 * HOUR_MS))).toBe('later');
      expect(await rollTallies(queue.db, 6)).toBe('rolled');
      await client.query('commit; begin; select count(*) from job');
      expect(await rollTallies(queue.db, 6, later(new Date(), 1.25 * HOUR_MS))).toBe('done');
    } finally {
      client.release(true);
    }
  });

  test('once, however many processes do it', async () => {
    await storeJobs(
      queue.db,
      Array.from({ length: 100 }, (_, index) => ({ createdAt: later(HOUR, index * HOUR_MS), tookMs: 1_000 })),
    );
    const outcomes = await atOnce(8, () => rollTallies(queue.db, 200));
    expect(outcomes.filter((outcome) => outcome === 'rolled')).toHaveLength(1);
    expect(await tallied()).toBe(100);
    expect((await global(HOUR, TOMORROW)).ingest_count).toBe(100);
  });

  test('in bites, over gaps of any length, until nothing is left', async () => {
    const years = later(HOUR, -300 * DAY_MS);
    await storeJobs(queue.db, jobsAt(years, later(years, 100 * DAY_MS), HOUR, later(HOUR, 5 * HOUR_MS)));
    const outcomes = [];
    for (let turn = 0; turn < 4; turn++) outcomes.push(await rollTallies(queue.db, 6));
    expect(outcomes).toEqual(['rolled', 'rolled', 'rolled', 'done']);
    expect(await tallied()).toBe(4);
  });

  test('whole or not at all: a count that is broken off leaves nothing', async () => {
    await storeJobs(queue.db, jobsAt(HOUR));
    const client = await queue.db.pool.connect();
    await client.query('begin; select tally_roll(6)');
    expect((await global(HOUR, TOMORROW)).ingest_count).toBe(1);
    await client.query('rollback');
    client.release();
    expect(await tallied()).toBe(0);
    expect((await global(HOUR, TOMORROW)).ingest_count).toBe(1);
    await roll();
    expect((await global(HOUR, TOMORROW)).ingest_count).toBe(1);
    expect(await tallied()).toBe(1);
  });
});

describe('when the clock of the database went back', () => {
  test('the hours in question are counted anew, with what has happened in them since', async () => {
    const book = createLogBook();
    await storeJobs(queue.db, jobsAt(HOUR, later(HOUR, 1.5 * HOUR_MS)));
    expect(await rollTallies(queue.db, 24, later(new Date(), 9 * HOUR_MS))).toBe('rolled');
    const held = await claimedJob(queue.db);
    await endings.failure(queue.db, held);
    expect(await rollTallies(queue.db, 24, later(new Date(), 9 * HOUR_MS))).toBe('rolled');
    await endings.success(queue.db, await claimedJob(queue.db));
    await rollUp({ db: queue.db, log: createLog('warn', book) });
    const jobs = await readJobs(queue.db);
    expectFigures(await global(HOUR, TOMORROW), jobs, { from: HOUR, to: TOMORROW });
    expect(jobs).toHaveLength(4);
    expect(await countJobs(queue.db, { isFinalized: true })).toBe(4);
    await book.waitForLine({ level: 'warn' });
  });

  test('nothing is forgotten that only the tallies know', async () => {
    await storeJobs(queue.db, jobsAt(later(HOUR, 60_000)));
    await roll();
    expect(await deleteOldJobs(queue.db, 1)).toBe(1);
    expect(await rollTallies(queue.db, 24, later(HOUR, -10 * DAY_MS))).toBe('unrolled');
    expect(await rollTallies(queue.db, 24, later(HOUR, -10 * DAY_MS))).toBe('done');
    expect(await tallied()).toBe(1);
    expect((await global(HOUR, TOMORROW)).success).toBe(1);
  });
});

describe('jobs whose rows are deleted', () => {
  test('go on counting in statistics, and count no longer as jobs', async () => {
    const at = (hours: number): Date => later(HOUR, hours * HOUR_MS);
    await storeJobs(queue.db, [
      ...jobsAt(at(0), at(1), at(30), at(60)),
      { createdAt: at(2), tookMs: 48_000, failureReason: 'timeout', slotId: 'slot-002' },
      { createdAt: at(3), tookMs: 48_000, failureReason: 'cancelled' },
    ]);
    await roll();
    const before = await global(HOUR, TOMORROW);
    expect(before).toMatchObject({ ingest_count: 6, success: 4, timeouts: 1, cancelled: 1 });
    const days = (Date.now() - at(24).getTime()) / DAY_MS;
    expect(await deleteOldJobs(queue.db, days)).toBe(4);
    expect(await global(HOUR, TOMORROW)).toEqual(before);
    expect(await countJobs(queue.db)).toBe(2);
    expect(await countJobs(queue.db, { failureReason: 'timeout' })).toBe(0);
    expect(await countJobs(queue.db, { slotId: 'slot-001', isFinalized: true })).toBe(2);
  });

  test('are not deleted before they are counted', async () => {
    await storeJobs(queue.db, jobsAt(HOUR));
    expect(await deleteOldJobs(queue.db, 1)).toBe(0);
    await roll();
    expect(await deleteOldJobs(queue.db, 1)).toBe(1);
  });
});

describe('a reset', () => {
  test.each([true, false])(
    'in the middle of an hour hides what came before it, in that slot alone (counted: %s)',
    async (isCounted) => {
      const resetAt = later(HOUR, 30 * 60_000);
      await storeJobs(queue.db, [
        ...jobsAt(later(resetAt, -2_000), later(resetAt, -500), resetAt, later(HOUR, 2 * HOUR_MS)),
        { slotId: 'slot-002', createdAt: later(resetAt, -1), tookMs: 0 },
      ]);
      await queue.db.pool.query('update slot set last_reset_at = $1 where id = $2', [resetAt, 'slot-001']);
      if (isCounted) await roll();
      // the second photo arrived before the reset and ended after it
      expect(await slot(HOUR, TOMORROW)).toMatchObject({
        ingest_count: 2,
        success: 3,
        last_reset_at: resetAt.toISOString(),
      });
      expect(await slot(HOUR, resetAt)).toMatchObject({ ingest_count: 0, total_runs: 0 });
      expect(await global(HOUR, TOMORROW)).toMatchObject({ ingest_count: 5, success: 5 });
      expect(await global(HOUR, TOMORROW, { slotId: 'slot-001' })).toMatchObject({ ingest_count: 4, success: 4 });
    },
  );
});

test('a photo counts for the provider that made the picture, its arrival as well', async () => {
  const held = await claimedJob(queue.db, { providerId: 'studio' });
  await succeedJob(queue.db, held, picture({ providerId: 'gemini' }));
  const from = later(new Date(), -HOUR_MS);
  for (const when of ['before', 'after'] as const) {
    if (when === 'after') expect(await rollTallies(queue.db, 24, later(new Date(), 2 * HOUR_MS))).toBe('rolled');
    expect(await global(from, TOMORROW, { providerId: 'gemini' })).toMatchObject({ ingest_count: 1, success: 1 });
    expect(await global(from, TOMORROW, { providerId: 'studio' })).toMatchObject({ ingest_count: 0, success: 0 });
  }
});

test('a server counts what is over as soon as it starts, and tells the same after every restart', async () => {
  const database = await createTestDatabase();
  const db = { kysely: createKysely(database.pool) };
  const told: string[] = [];
  try {
    await storeJobs(db, jobsAt(HOUR, later(HOUR, 30 * HOUR_MS), later(new Date(), -1_000)));
    for (const start of ['first', 'second']) {
      const server = await startTestServer({ database });
      try {
        const headers = bearer(await administratorToken(server));
        const { body } = await ask(`${server.url}/api/stats/slot-001`, { headers });
        told.push(body.toString());
        await eventually(async () => {
          const { rows } = await database.pool.query('select sum(ingest_count)::int as counted from tally_hour');
          expect({ start, counted: rows[0].counted }).toEqual({ start, counted: 2 });
        });
        told.push((await ask(`${server.url}/api/stats/slot-001`, { headers })).body.toString());
      } finally {
        await server.stop();
      }
    }
    expect(JSON.parse(told[0] ?? '').summary).toMatchObject({ ingest_count: 3, success: 3 });
    expect(new Set(told).size).toBe(1);
  } finally {
    await database.drop();
  }
});
