import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKysely } from '../../src/db/pool.ts';
import { createRegistry } from '../../src/providers/registry.ts';
import { rollCalls } from '../../src/repositories/ledger.ts';
import { deleteOldJobs } from '../../src/repositories/retention.ts';
import { type Costs, readGlobalCosts, readSlotCosts } from '../../src/services/statistics/read-costs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { plainFigures, type StoredCall, storeCalls } from '../support/ledger.ts';
import { DAY_MS, HOUR_MS } from '../support/statistics.ts';

const SLOTS = ['slot-001', 'slot-002', 'slot-015'] as const;
const TODAY = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);

let database: TestDatabase;
let db: { readonly pool: TestDatabase['pool']; readonly kysely: ReturnType<typeof createKysely> };

beforeAll(async () => {
  database = await createTestDatabase();
  db = { pool: database.pool, kysely: createKysely(database.pool) };
});
beforeEach(async () => {
  await db.pool.query(
    `delete from provider_call; delete from call_day; update call_mark set rolled_until = '-infinity'`,
  );
});
afterAll(() => database.drop());

const deps = () => ({ db, providers: createRegistry([]), now: () => new Date() });
const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;
const daysAgo = (days: number, hours = 12): Date => new Date(TODAY.getTime() - days * DAY_MS + hours * HOUR_MS);
const date = (at: Date): string => at.toISOString().slice(0, 10);

const someCall = (daysMax: number): Required<StoredCall> => ({
  slotId: pick(SLOTS),
  linkNo: 0,
  providerId: pick(['gemini', 'openai', 'studio']),
  model: pick(['*', 'small', 'large']),
  outcome: pick(['image', 'image', 'late', 'empty', 'unknown']),
  charged: pick(['yes', 'maybe', 'no']),
  price: pick([0.04, 0.000001, 1.1, null]),
  isTest: Math.random() < 0.2,
  endedAt: new Date(Date.now() - Math.random() * daysMax * DAY_MS),
});

/** Asserts that every figure is what the calls come to, of all slots and of each, of the whole range and of a part of it. */
async function expectCosts(calls: readonly Required<StoredCall>[]): Promise<void> {
  for (const days of [
    { from: date(daysAgo(20)), to: undefined },
    { from: date(daysAgo(9)), to: date(daysAgo(2)) },
  ]) {
    const from = new Date(days.from);
    const to = days.to === undefined ? new Date(TODAY.getTime() + DAY_MS) : new Date(days.to);
    const meant = calls.filter(({ endedAt }) => endedAt >= from && endedAt < to);
    expectFigures(await readGlobalCosts(deps(), days), meant);
    for (const slotId of SLOTS)
      expectFigures(
        await readSlotCosts(deps(), { slotId, ...days }),
        meant.filter((call) => call.slotId === slotId),
      );
  }
}

function expectFigures({ totals, test_runs: tests, data }: Costs, calls: readonly Required<StoredCall>[]): void {
  const guests = calls.filter(({ isTest }) => !isTest);
  expect(totals).toEqual(plainFigures(guests));
  expect(tests).toEqual(plainFigures(calls.filter(({ isTest }) => isTest)));
  const keys = [...new Set(guests.map((call) => `${date(call.endedAt)} ${call.providerId} ${call.model}`))].sort();
  const told = data.map(({ date: day, provider_id: providerId, model }) => `${day} ${providerId} ${model}`);
  expect(told.toSorted()).toEqual(keys);
  expect(data.map(({ date: day }) => day)).toEqual(data.map(({ date: day }) => day).toSorted());
  for (const { date: day, provider_id: providerId, model, ...figures } of data)
    expect(figures).toEqual(
      plainFigures(
        guests.filter((call) => date(call.endedAt) === day && call.providerId === providerId && call.model === model),
      ),
    );
}

async function rollAll(days = 3): Promise<void> {
  for (;;) {
    const outcome = await rollCalls(db, days);
    if (outcome === 'done') return;
    expect(['rolled', 'unrolled', 'later']).toContain(outcome);
  }
}

describe('what calls cost', () => {
  test('is what the rows say: before days are counted, while they are, and after', async () => {
    const calls = Array.from({ length: 400 }, () => someCall(15));
    await storeCalls(db, calls);
    await expectCosts(calls);
    expect(await rollCalls(db, 4)).toBe('rolled');
    await expectCosts(calls);
    await rollAll();
    const { rows } = await db.pool.query(`select rolled_until > now() - interval '2 days' as is_near from call_mark`);
    expect(rows).toEqual([{ is_near: true }]);
    await expectCosts(calls);
    const more = Array.from({ length: 20 }, () => ({ ...someCall(0), endedAt: new Date() }));
    await storeCalls(db, more);
    await expectCosts([...calls, ...more]);
  });

  test('does not change when old jobs, and their calls with them, are deleted', async () => {
    const calls = Array.from({ length: 50 }, () => ({ ...someCall(1), endedAt: daysAgo(5) }));
    await storeCalls(db, calls);
    await rollAll();
    await db.pool.query('delete from provider_call');
    await deleteOldJobs({ ...db }, 400);
    await rollAll();
    await expectCosts(calls);
  });

  test('takes a late answer in, also on a day that was counted', async () => {
    const calls = [3, 4, 5].map((days) => ({
      ...someCall(1),
      outcome: 'unknown',
      charged: 'maybe' as const,
      endedAt: daysAgo(days),
    }));
    await storeCalls(db, calls);
    await rollAll();
    await db.pool.query(`update provider_call set outcome = 'late', charged = 'yes' where ended_at = $1`, [daysAgo(4)]);
    const changed = calls.map((call, index) =>
      index === 1 ? { ...call, outcome: 'late', charged: 'yes' as const } : call,
    );
    await expectCosts(changed);
    await rollAll();
    await expectCosts(changed);
  });

  test('is right after the clock of the database went back', async () => {
    const calls = Array.from({ length: 60 }, () => someCall(8));
    await storeCalls(db, calls);
    await rollAll();
    const { rows: marks } = await db.pool.query('select rolled_until from call_mark');
    expect(await rollCalls(db, 3, daysAgo(3))).toBe('unrolled');
    const late = { ...someCall(1), endedAt: daysAgo(2, 6) };
    await storeCalls(db, [late]);
    await expectCosts([...calls, late]);
    await rollAll();
    await expectCosts([...calls, late]);
    expect((await db.pool.query('select rolled_until from call_mark')).rows).toEqual(marks);
  });

  test('waits to count a day that an old transaction may still write into', async () => {
    await storeCalls(db, [{ endedAt: daysAgo(1) }]);
    const client = await db.pool.connect();
    try {
      await client.query('begin');
      await client.query(
        `insert into provider_call (job_id, attempt_no, link_no, claim_no, slot_id, provider_id, outcome, charged, ended_at)
        values (gen_random_uuid(), 1, 0, 1, 'slot-001', 'gemini', 'image', 'yes', $1)`,
        [daysAgo(1)],
      );
      // the transaction began just now, and as seen from the day after tomorrow before that day was over
      expect(await rollCalls(db, 3, daysAgo(-2))).toBe('later');
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('is counted by one process at a time', async () => {
    await storeCalls(db, [{ endedAt: daysAgo(2) }]);
    const client = await db.pool.connect();
    try {
      await client.query('begin');
      await client.query('select from call_mark for update');
      expect(await rollCalls(db, 3)).toBe('busy');
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
