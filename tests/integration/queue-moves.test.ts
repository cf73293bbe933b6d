/** What jobs that go on to another provider must not do to its limits, and to the budget of their slot. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { endJob, reserveCall } from '../../src/repositories/job-queue.ts';
import { rerouteJobs, updateLane } from '../../src/repositories/lanes.ts';
import { breakCircuit, tellFailure } from '../support/circuits.ts';
import { setPrices } from '../support/ledger.ts';
import {
  atOnce,
  claimedJob,
  countJobs,
  createTestQueue,
  emptyQueue,
  LANE,
  LEASE_MS,
  newJob,
  readJob,
  setLane,
  type TestQueue,
  waitingJob,
  whileLocked,
} from '../support/queue.ts';

const SPARE = 'spare';
const FREE = 'free';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(async () => {
  await emptyQueue(queue);
  await setLane(queue.db, { id: SPARE });
});
afterAll(() => queue.drop());

/** A job whose chain goes on with these providers. */
function chained(providers: readonly string[] = [SPARE], overrides: Partial<NewJob> = {}): NewJob {
  const job = newJob(overrides);
  const links = providers.map((providerId) => ({ providerId, operationId: 'frame', settings: {} }));
  const chain = providers.map((providerId) => ({ providerId, model: '*' }));
  const dailyBudget = overrides.terms?.dailyBudget;
  return { ...job, chain, snapshot: { ...job.snapshot, links, ...(dailyBudget !== undefined && { dailyBudget }) } };
}

const ledgerOf = async (jobId: string) =>
  (await queue.db.pool.query('select * from provider_call where job_id = $1 order by attempt_no', [jobId])).rows;
const inLane = (providerId: string) => countJobs(queue.db, `provider_id = '${providerId}' and not is_finalized`);

describe('the cap on the open jobs of a provider', () => {
  test('holds for waiting jobs that go on to it', async () => {
    const { db } = queue;
    await setLane(db, { id: SPARE, openMax: 2 });
    await atOnce(5, () => enqueueJob(db, chained()));
    await breakCircuit(db);
    await rerouteJobs(db);
    expect(await inLane(SPARE)).toBe(2);
    expect(await enqueueJob(db, newJob({ providerId: SPARE }))).toMatchObject({ outcome: 'full' });
    await rerouteJobs(db);
    expect(await inLane(SPARE)).toBe(2);
  });

  test('holds for jobs in work that go on to it', async () => {
    const { db } = queue;
    await setLane(db, { id: SPARE, openMax: 2 });
    const claims = await atOnce(5, () => claimedJobOf(chained()));
    const outcomes = await Promise.all(claims.map((held) => reserveCall(db, held, SPARE, { linkNo: 1 })));
    expect(outcomes.filter(({ outcome }) => outcome === 'granted')).toHaveLength(2);
    expect(outcomes.filter(({ outcome }) => outcome === 'wait')).toHaveLength(3);
  });

  test('counts what is open already when it is set', async () => {
    const { db } = queue;
    await atOnce(5, () => waitingJob(db));
    await updateLane(db, { providerId: LANE, runningMax: 10, openMax: 3, callsPerMinute: null, callsPerDay: null });
    expect(await enqueueJob(db, newJob())).toMatchObject({ outcome: 'full', scope: 'provider' });
  });

  async function claimedJobOf(job: NewJob) {
    const workerId = randomUUID();
    const claimFor = { workerId, leaseMs: LEASE_MS };
    expect(await enqueueJob(queue.db, { ...job, claimFor })).toMatchObject({ outcome: 'claimed' });
    return { jobId: job.id, claimNo: 1, workerId };
  }
});

describe('waiting jobs', () => {
  test('pass over a next provider that is down, too', async () => {
    const { db } = queue;
    await setLane(db, { id: FREE });
    const job = chained([SPARE, FREE]);
    await enqueueJob(db, job);
    for (const providerId of [LANE, SPARE]) await breakCircuit(db, providerId);
    expect(await rerouteJobs(db)).toBe(1);
    expect(await readJob(db, job.id)).toMatchObject({ provider_id: FREE, link_no: 2 });
  });

  test('go on at once when their provider asks to wait for longer than they can', async () => {
    const { db } = queue;
    const job = chained();
    await enqueueJob(db, job);
    await tellFailure(db, { failure: { kind: 'throttled', retryAfterMs: 47_000 } });
    expect(await rerouteJobs(db)).toBe(1);
  });

  test('stay where the next provider is down, too, and nothing comes after it', async () => {
    const { db } = queue;
    const job = chained();
    await enqueueJob(db, job);
    for (const providerId of [LANE, SPARE]) await breakCircuit(db, providerId);
    expect(await rerouteJobs(db)).toBe(0);
  });
});

describe('the budget of a slot', () => {
  const PRICES = [
    [LANE, 0.1],
    [SPARE, 0.5],
  ] as const;
  const terms = (dailyBudget: number) => ({ terms: { dailyBudget } });

  beforeEach(async () => {
    await setLane(queue.db, { id: FREE });
    await setPrices(queue.db, PRICES);
  });

  test('holds for waiting jobs that go on: past a provider that it does not pay for', async () => {
    const { db } = queue;
    const jobs = Array.from({ length: 4 }, () => chained([SPARE, FREE], terms(1.0)));
    for (const job of jobs) await enqueueJob(db, job);
    await breakCircuit(db);
    expect(await rerouteJobs(db)).toBe(4);
    // two at 0.5 would leave nothing for the two that wait at 0.1 when the first ones go on
    expect(await inLane(SPARE)).toBeLessThanOrEqual(2);
    expect((await inLane(SPARE)) + (await inLane(FREE))).toBe(4);
  });

  test('counts open jobs at the price of the provider they are at', async () => {
    const { db } = queue;
    const dear = newJob({ providerId: SPARE, ...terms(0.55) });
    await enqueueJob(db, dear);
    expect(await enqueueJob(db, newJob(terms(0.55)))).toMatchObject({ outcome: 'unserved', why: 'budget' });
  });

  test('counts no open job that is at a provider that costs nothing, nor a call twice', async () => {
    const { db } = queue;
    for (let turn = 0; turn < 3; turn++) await enqueueJob(db, newJob({ providerId: FREE }));
    const held = await claimedJob(db);
    await tellFailure(db, { jobId: held.jobId, attemptNo: 1, failure: { charged: 'maybe' } });
    expect(await enqueueJob(db, newJob(terms(0.2)))).toEqual({ outcome: 'created' });
  });

  test('is not passed by retries that begin at the same moment', async () => {
    const { db } = queue;
    const claims = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const workerId = randomUUID();
        const job = newJob({ claimFor: { workerId, leaseMs: LEASE_MS } });
        await enqueueJob(db, job);
        await tellFailure(db, { jobId: job.id, attemptNo: 1, failure: { kind: 'empty', charged: 'maybe' } });
        return { jobId: job.id, claimNo: 1, workerId };
      }),
    );
    const outcomes = await whileLocked(
      queue,
      `select from lane where provider_id = '${LANE}' for update`,
      claims.map((held) => () => reserveCall(db, held, LANE, { dailyBudget: 0.6, callsSoFar: 1 })),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'granted')).toHaveLength(2);
  });

  test('counts a call without a known end at the price of its model', async () => {
    const { db } = queue;
    await db.pool.query(`update platform_setting set value = '{"currency": "EUR",
      "prices": [{"provider_id": "studio", "model": "pro", "price": 0.13}]}' where key = 'pricing'`);
    const plain = newJob();
    const held = await claimedJob(db, { model: 'pro', snapshot: { ...plain.snapshot, model: 'pro' } });
    await endJob(db, { jobId: held.jobId, reason: 'timeout', message: 'x', onlyWaiting: false });
    expect(await ledgerOf(held.jobId)).toEqual([expect.objectContaining({ model: 'pro', price: '0.130000' })]);
  });
});
