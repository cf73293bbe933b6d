import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reserveCall } from '../../src/repositories/job-queue.ts';
import { seedLanes, updateLane } from '../../src/repositories/lanes.ts';
import {
  atOnce,
  claim,
  claimedJob,
  claimedJobs,
  createTestQueue,
  emptyQueue,
  LANE,
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

const clockMs = async (): Promise<number> => {
  const { rows } = await queue.db.pool.query('select extract(epoch from clock_timestamp())::float8 * 1000 as ms');
  return rows[0].ms;
};

/** Lets the bucket have been looked at last so long ago. */
const letPass = (ms: number) =>
  queue.db.pool.query(`update lane set refilled_at = refilled_at - $1 * interval '1 millisecond'`, [ms]);

describe("a provider's call rate", () => {
  test('is exact over claims and reservations that race', async () => {
    const { db } = queue;
    const held = await claimedJobs(db, 6);
    await atOnce(20, () => waitingJob(db));
    const beganMs = await clockMs();
    await setLane(db, { callsPerMinute: 3_000, burst: 4 });
    const granted = await atOnce(120, async (index) => {
      if (index % 2 === 0) return (await claim(db, { count: 2 })).length;
      return (await reserveCall(db, held[index % held.length] as (typeof held)[0], LANE)).outcome === 'granted' ? 1 : 0;
    });
    const passedMs = (await clockMs()) - beganMs;
    const calls = granted.reduce((sum, count) => sum + count, 0);
    expect(calls).toBeGreaterThanOrEqual(4);
    expect(calls).toBeLessThanOrEqual(4 + (3_000 / 60_000) * passedMs);
  });

  test('lets exactly a burst through when no time passes, and then one call for each interval', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await atOnce(20, () => waitingJob(db));
    await setLane(db, { callsPerMinute: 1, burst: 3 });
    expect(await claim(db, { count: 2 })).toHaveLength(2);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
    expect(await claim(db, { count: 2 })).toEqual([]);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('wait');
    await letPass(2 * 60_000);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
    expect(await claim(db, { count: 5 })).toHaveLength(1);
  });

  test('never saves up more than a burst', async () => {
    const { db } = queue;
    await atOnce(20, () => waitingJob(db));
    await setLane(db, { callsPerMinute: 60, burst: 3 });
    await letPass(3_600_000);
    await db.pool.query('update lane set calls_per_minute = 1');
    expect(await claim(db, { count: 20 })).toHaveLength(3);
  });

  test('says how long to wait, and grants a call after that', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await setLane(db, { callsPerMinute: 6, burst: 1 });
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
    const refused = await reserveCall(db, held, LANE);
    if (refused.outcome !== 'wait') return expect.unreachable();
    expect(refused.waitMs).toBeGreaterThan(9_000);
    expect(refused.waitMs).toBeLessThanOrEqual(10_000);
    await letPass(refused.waitMs);
    expect(await reserveCall(db, held, LANE)).toEqual({ outcome: 'granted', attemptNo: 3 });
  });

  test('spends nothing on a claim that finds no job', async () => {
    const { db } = queue;
    await setLane(db, { callsPerMinute: 1, burst: 2 });
    await atOnce(5, () => claim(db, { count: 5 }));
    await atOnce(3, () => waitingJob(db));
    expect(await claim(db, { count: 5 })).toHaveLength(2);
  });

  test('does not count for a provider without one', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    const outcomes = await atOnce(50, () => reserveCall(db, held, LANE));
    expect(outcomes.filter(({ outcome }) => outcome === 'granted')).toHaveLength(50);
  });
});

describe('the limits of a provider', () => {
  const limits = { providerId: 'new', runningMax: 3, openMax: 4, callsPerMinute: 120, callsPerDay: null };
  const read = async (id: string) => {
    const { rows } = await queue.db.pool.query('select * from lane where provider_id = $1', [id]);
    return rows[0];
  };

  test('are seeded once: what was changed since stays', async () => {
    await seedLanes(queue.db, [limits]);
    expect(await read('new')).toMatchObject({
      running_max: 3,
      open_max: 4,
      calls_per_minute: 120,
      calls_burst: 10,
      tokens: 10,
    });
    await updateLane(queue.db, { ...limits, runningMax: 9 });
    await seedLanes(queue.db, [limits, { ...limits, providerId: 'newer' }]);
    expect(await read('new')).toMatchObject({ running_max: 9 });
    expect(await read('newer')).toMatchObject({ running_max: 3 });
  });

  test('allow a burst of a twelfth of a minute, but always one call', async () => {
    await seedLanes(queue.db, [{ ...limits, callsPerMinute: 5 }]);
    expect(await read('new')).toMatchObject({ calls_burst: 1, tokens: 1 });
  });

  test('of a provider that is not there cannot be changed', async () => {
    expect(await updateLane(queue.db, { ...limits, providerId: 'nobody' })).toBe(false);
  });
});
