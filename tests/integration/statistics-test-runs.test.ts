import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createRegistry } from '../../src/providers/registry.ts';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { succeedJob } from '../../src/repositories/job-queue.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { readGlobalCosts } from '../../src/services/statistics/read-costs.ts';
import { readGlobalStatistics } from '../../src/services/statistics/read-global-statistics.ts';
import { readSlotStatistics } from '../../src/services/statistics/read-slot-statistics.ts';
import { setPrices } from '../support/ledger.ts';
import {
  aCall,
  claimedJob,
  createTestQueue,
  emptyQueue,
  endings,
  newJob,
  picture,
  SLOT,
  setLane,
  type TestQueue,
} from '../support/queue.ts';
import { HOUR_MS } from '../support/statistics.ts';

/** A lane that nobody looks at. */
const WAITING = 'spare';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(async () => {
  await emptyQueue(queue);
  await setLane(queue.db, { id: WAITING });
});
afterAll(() => queue.drop());

const deps = () => ({ db: queue.db, providers: createRegistry([]), now: () => new Date() });

/** One job of each end, and one that has none. */
async function oneOfEach(isTest: boolean): Promise<void> {
  const { db } = queue;
  const success = await claimedJob(db, { terms: { isTest } });
  await succeedJob(db, success, picture({ charged: 'yes', call: aCall({ isTest }) }));
  for (const end of ['failure', 'timeout', 'cancel'] as const)
    await endings[end](db, await claimedJob(db, { terms: { isTest } }));
  await enqueueJob(db, newJob({ providerId: WAITING, terms: { isTest } }));
}

const figures = async () => {
  const [slot, all] = await Promise.all([
    readSlotStatistics(deps(), { slotId: SLOT }),
    readGlobalStatistics(deps(), { sortBy: 'period_start', sortOrder: 'asc', page: 1, pageSize: undefined }),
  ]);
  const { title: _title, last_reset_at: _reset, ...ofSlot } = slot.summary;
  expect(ofSlot).toEqual(all.summary);
  return all.summary;
};

test('test runs are in no statistics, neither from the rows nor once their hour is counted', async () => {
  await oneOfEach(true);
  expect(await figures()).toMatchObject({ ingest_count: 0, total_runs: 0, success: 0, errors: 0, latency_ms: null });
  await oneOfEach(false);
  const guests = { ingest_count: 5, total_runs: 4, success: 1, timeouts: 1, provider_errors: 1, cancelled: 1 };
  expect(await figures()).toMatchObject(guests);
  const later = new Date(Date.now() + 2 * HOUR_MS);
  expect(await rollTallies(queue.db, 6, later)).toBe('rolled');
  const { rows } = await queue.db.pool.query('select sum(ingest_count)::int as photos from tally_hour');
  expect(rows).toEqual([{ photos: 5 }]);
  expect(await figures()).toMatchObject(guests);
});

test('what test runs cost is told apart', async () => {
  await setPrices(queue.db, [['studio', 0.5]]);
  await oneOfEach(true);
  await oneOfEach(false);
  await oneOfEach(false);
  const { totals, test_runs: tests } = await readGlobalCosts(deps(), {});
  expect(tests).toMatchObject({ outcomes: { image: 1 }, known: 0.5 });
  expect(totals).toMatchObject({ outcomes: { image: 2 }, known: 1 });
  expect(totals.calls).toBe(2 * tests.calls);
});
