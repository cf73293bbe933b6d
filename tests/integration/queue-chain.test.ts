import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EnqueueOutcome, enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { failJob, reserveCall, succeedJob } from '../../src/repositories/job-queue.ts';
import { learnPaces, rerouteJobs } from '../../src/repositories/lanes.ts';
import { findEarlierCalls } from '../../src/repositories/provider-call.ts';
import { breakCircuit, letCircuitsPass, tellFailure } from '../support/circuits.ts';
import {
  aCall,
  atOnce,
  claim,
  claimedJob,
  claimOf,
  countJobs,
  countOf,
  createTestQueue,
  emptyQueue,
  LANE,
  LEASE_MS,
  newJob,
  picture,
  readJob,
  setLane,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

const SPARE = 'spare';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(async () => {
  await emptyQueue(queue);
  await setLane(queue.db, { id: SPARE });
});
afterAll(() => queue.drop());

/** A job with one link after the slot's own. */
const chained = (overrides: Partial<NewJob> = {}): NewJob => {
  const job = newJob(overrides);
  const link = { providerId: SPARE, operationId: 'frame', settings: {} };
  return { ...job, chain: [{ providerId: SPARE, model: '*' }], snapshot: { ...job.snapshot, links: [link] } };
};

/** Lets the calls of a lane usually take so long. */
const setPace = (ms: number, id = LANE) =>
  queue.db.pool.query('update lane set usual_ms = $1, slow_ms = $1 where provider_id = $2', [ms, id]);

const placeOf = async (jobId: string) => {
  const { provider_id, link_no } = await readJob(queue.db, jobId);
  return [provider_id, link_no];
};

describe('an accepted photo', () => {
  test("begins with the slot's own provider", async () => {
    const job = chained({ claimFor: { workerId: randomUUID(), leaseMs: LEASE_MS } });
    expect(await enqueueJob(queue.db, job)).toMatchObject({ outcome: 'claimed', linkNo: 0, attemptNo: 1 });
    expect(await placeOf(job.id)).toEqual([LANE, 0]);
  });

  test('passes over a provider that is down, at once', async () => {
    const { db } = queue;
    await breakCircuit(db);
    const job = chained({ claimFor: { workerId: randomUUID(), leaseMs: LEASE_MS } });
    expect(await enqueueJob(db, job)).toMatchObject({ outcome: 'claimed', linkNo: 1 });
    expect(await placeOf(job.id)).toEqual([SPARE, 1]);
  });

  test('passes over a provider that will not get to it in its window', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 1 });
    await setPace(30_000);
    await claimedJob(db);
    const [first, second] = [chained(), chained()];
    await enqueueJob(db, first);
    await enqueueJob(db, second);
    expect(await placeOf(first.id)).toEqual([LANE, 0]);
    expect(await placeOf(second.id)).toEqual([SPARE, 1]);
  });

  test('passes over a provider that usually takes longer than what is left', async () => {
    const { db } = queue;
    await setPace(20_000);
    const job = chained({ elapsedMs: 30_000 });
    await enqueueJob(db, job);
    expect(await placeOf(job.id)).toEqual([SPARE, 1]);
  });

  test('waits for a provider that is down where nothing else is left and the window allows it', async () => {
    const { db } = queue;
    await breakCircuit(db);
    const job = newJob();
    expect(await enqueueJob(db, job)).toEqual({ outcome: 'created' });
    await letCircuitsPass(db, 5_000);
    expect(await claim(db)).toEqual([expect.objectContaining({ id: job.id })]);
  });

  test.each([
    ['is down for longer than the window', 'down', `open_until = clock_timestamp() + interval '60 seconds'`],
    ['has no calls left today', 'exhausted', `exhausted_until = clock_timestamp() + interval '1 hour'`],
    ['asked to wait for longer', 'paused', `paused_until = clock_timestamp() + interval '90 seconds'`],
  ])('is refused at once when its only provider %s', async (_, why, standing) => {
    const { db } = queue;
    await tellFailure(db);
    await db.pool.query(`update circuit set ${standing}`);
    const outcome = await enqueueJob(db, newJob());
    expect(outcome).toMatchObject({ outcome: 'unserved', why });
    if (outcome.outcome === 'unserved') expect(outcome.waitMs).toBeGreaterThan(50_000);
    expect(await countJobs(db, 'true')).toBe(0);
  });

  test('is refused at once when more wait in front of it than can be served in its window', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 2 });
    await setPace(20_000);
    const outcomes: EnqueueOutcome[] = [];
    for (let turn = 0; turn < 12; turn++) outcomes.push(await enqueueJob(db, newJob()));
    expect(countOf(outcomes, 'created')).toBeLessThanOrEqual(6);
    expect(countOf(outcomes, 'created')).toBeGreaterThanOrEqual(4);
    expect(outcomes.at(-1)).toMatchObject({ outcome: 'unserved', why: 'busy' });
  });

  test('is not refused where too few calls say how long they take', async () => {
    const { db } = queue;
    await setLane(db, { runningMax: 1 });
    for (let turn = 0; turn < 20; turn++) expect(await enqueueJob(db, newJob())).toEqual({ outcome: 'created' });
  });
});

describe('a waiting job', () => {
  test('goes on to the next link when its provider goes down', async () => {
    const { db } = queue;
    const job = chained();
    await enqueueJob(db, job);
    expect(await rerouteJobs(db)).toBe(0);
    await breakCircuit(db);
    expect(await rerouteJobs(db)).toBe(1);
    expect(await claim(db, { providerId: SPARE })).toEqual([
      expect.objectContaining({ id: job.id, providerId: SPARE, linkNo: 1, attemptNo: 1 }),
    ]);
  });

  test('goes on while the next link still has time for it', async () => {
    const { db } = queue;
    await setPace(10_000, SPARE);
    await setPace(10_000);
    const [early, late] = [chained(), chained({ elapsedMs: 37_000 })];
    for (const job of [early, late]) await enqueueJob(db, job);
    await rerouteJobs(db);
    expect(await placeOf(early.id)).toEqual([LANE, 0]);
    expect(await placeOf(late.id)).toEqual([SPARE, 1]);
  });

  test('stays where no link is left', async () => {
    const { db } = queue;
    const jobId = await waitingJob(db);
    await breakCircuit(db);
    expect(await rerouteJobs(db)).toBe(0);
    expect(await placeOf(jobId)).toEqual([LANE, 0]);
  });
});

describe('a job whose worker was lost', () => {
  test('is claimed without a call: what was called before may have been paid for', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await db.pool.query(`update job set status = 'pending', worker_id = null, lease_until = null`);
    const [again] = await claim(db);
    expect(again).toMatchObject({ claimNo: 2, attemptNo: 1 });
    expect(await findEarlierCalls(db, held.jobId)).toEqual([{ providerId: LANE, charged: 'maybe' }]);
  });

  test('knows which of its calls were not charged', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await tellFailure(db, { jobId: held.jobId, attemptNo: 1, failure: { charged: 'no' } });
    expect(await findEarlierCalls(db, held.jobId)).toEqual([{ providerId: LANE, charged: 'no' }]);
  });

  test('never goes back to an earlier link', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await reserveCall(db, held, SPARE, { linkNo: 1 });
    await expect(db.pool.query('update job set link_no = 0')).rejects.toThrow(/may not change/);
  });
});

describe('the budget of a slot', () => {
  const budget = (dailyBudget: number, overrides = {}) => chained({ terms: { dailyBudget, ...overrides } });

  beforeEach(async () => {
    await queue.db.pool.query(`insert into platform_setting (key, value, updated_by) values ('pricing',
      '{"currency": "EUR", "prices": [{"provider_id": "studio", "model": "*", "price": 0.1}]}', 'serg')`);
  });

  test('admits exactly as many paid jobs as it pays for, and sends the others to a link that costs nothing', async () => {
    const { db } = queue;
    await atOnce(12, () => enqueueJob(db, budget(0.5)));
    expect(await countJobs(db, `provider_id = '${LANE}'`)).toBe(5);
    expect(await countJobs(db, `provider_id = '${SPARE}'`)).toBe(7);
  });

  test('refuses photos where it is to stop', async () => {
    const { db } = queue;
    const outcomes = await atOnce(8, () => enqueueJob(db, budget(0.3, { stopsOverBudget: true })));
    expect(countOf(outcomes, 'created')).toBe(3);
    expect(outcomes.filter((outcome) => outcome.outcome === 'unserved')).toEqual(
      Array.from({ length: 5 }, () => ({ outcome: 'unserved', why: 'budget', waitMs: expect.any(Number) })),
    );
  });

  test('counts calls that were charged, or may have been, and not those that were not', async () => {
    const { db } = queue;
    for (const charged of ['yes', 'maybe', 'no'] as const) {
      const held = await claimedJob(db);
      await tellFailure(db, { jobId: held.jobId, attemptNo: 1, failure: { charged } });
      await failJob(db, held, 'no picture');
    }
    const [first, second] = [budget(0.3), budget(0.3)];
    for (const job of [first, second]) await enqueueJob(db, job);
    expect(await placeOf(first.id)).toEqual([LANE, 0]);
    expect(await placeOf(second.id)).toEqual([SPARE, 1]);
  });

  test('bars a retry that it does not pay for', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await tellFailure(db, { jobId: held.jobId, attemptNo: 1, failure: { charged: 'maybe' } });
    expect((await reserveCall(db, held, LANE, { dailyBudget: 0.15 })).outcome).toBe('over budget');
    expect((await reserveCall(db, held, SPARE, { linkNo: 1, dailyBudget: 0.15 })).outcome).toBe('granted');
  });

  test('begins anew each day, and counts no tests', async () => {
    const { db } = queue;
    const spend = async (isTest: boolean) => {
      const held = await claimedJob(db, { terms: { isTest } });
      await succeedJob(db, held, picture({ charged: 'yes', call: aCall({ isTest }) }));
    };
    await spend(false);
    await db.pool.query(`update provider_call set ended_at = ended_at - interval '1 day'`);
    await spend(true);
    const job = budget(0.1);
    await enqueueJob(db, job);
    expect(await placeOf(job.id)).toEqual([LANE, 0]);
  });
});

describe('the pace of a provider', () => {
  test('is learnt from its latest pictures, five at least', async () => {
    const { db } = queue;
    for (const latency of [1_000, 2_000, 3_000, 4_000]) await finished(latency);
    expect(await learnPaces(db)).toContainEqual({ providerId: LANE, usualMs: null, slowMs: null });
    await finished(9_000);
    expect(await learnPaces(db)).toContainEqual({ providerId: LANE, usualMs: 3_000, slowMs: 8_000 });
  });

  async function finished(providerLatencyMs: number): Promise<void> {
    const { db } = queue;
    const workerId = randomUUID();
    const jobId = await waitingJob(db);
    const [job] = await claim(db, { workerId });
    expect(job?.id).toBe(jobId);
    if (job) await succeedJob(db, claimOf(job, workerId), picture({ providerLatencyMs }));
  }
});
