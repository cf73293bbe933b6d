import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { reserveCall, succeedJob } from '../../src/repositories/job-queue.ts';
import { setLaneKey } from '../../src/repositories/lanes.ts';
import { breakCircuit, gateOf, letCircuitsPass, tellFailure } from '../support/circuits.ts';
import {
  aCall,
  atOnce,
  claim,
  claimedJob,
  claimedJobs,
  createTestQueue,
  emptyQueue,
  LANE,
  newJob,
  picture,
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

const stateOf = async () => (await gateOf(queue.db)).state;

describe('the circuit of a provider', () => {
  test('opens at the fifth failure in a row, and no call begins then', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    for (let turn = 0; turn < 4; turn++) await tellFailure(db);
    expect(await stateOf()).toBe('ready');
    await tellFailure(db);
    expect(await gateOf(db)).toMatchObject({ state: 'down', reason: 'the service is not well' });
    expect(await reserveCall(db, held, LANE)).toMatchObject({ outcome: 'barred', why: 'the service is not well' });
    await db.pool.query(`insert into job (id, slot_id, provider_id, operation_id, snapshot, created_at, expires_at)
      select gen_random_uuid(), 'slot-001', 'studio', 'filter', '{}', now(), now() + interval '48 seconds'`);
    expect(await claim(db)).toEqual([]);
  });

  test('stays closed where a picture comes between', async () => {
    const { db } = queue;
    for (let turn = 0; turn < 4; turn++) await tellFailure(db);
    await succeedJob(db, await claimedJob(db), picture());
    for (let turn = 0; turn < 4; turn++) await tellFailure(db);
    expect(await stateOf()).toBe('ready');
  });

  test.each(['empty', 'refused', 'bad_request'] as const)(
    'takes an answer that is %s for a sign of life',
    async (kind) => {
      const { db } = queue;
      for (let turn = 0; turn < 4; turn++) await tellFailure(db);
      await tellFailure(db, { failure: { kind } });
      await tellFailure(db);
      expect(await stateOf()).toBe('ready');
    },
  );

  test('is not touched by failures that are our own', async () => {
    for (let turn = 0; turn < 6; turn++) await tellFailure(queue.db, { isAgainstProvider: false });
    expect(await stateOf()).toBe('ready');
  });

  test('does not hear a worker that lost its job: it stood still, not the service', async () => {
    const { db } = queue;
    const held = await claimedJobs(db, 6);
    await db.pool.query(`update job set status = 'pending', worker_id = null, lease_until = null`);
    for (const { jobId } of held) await tellFailure(db, { jobId, attemptNo: 1 });
    expect(await stateOf()).toBe('ready');
  });

  test('opens once, however many calls were under way when the service went down', async () => {
    await atOnce(20, () => tellFailure(queue.db));
    const { waitMs } = await gateOf(queue.db);
    expect(waitMs).toBeGreaterThan(4_000);
    expect(waitMs).toBeLessThanOrEqual(5_000);
  });

  test('lets exactly one call find out after its time, whoever asks', async () => {
    const { db } = queue;
    const held = await claimedJobs(db, 10);
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    expect(await stateOf()).toBe('probe');
    const answers = await atOnce(40, (index) => reserveCall(db, held[index % 10] as (typeof held)[0], LANE));
    expect(answers.filter(({ outcome }) => outcome === 'granted')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'barred')).toHaveLength(39);
    expect(await stateOf()).toBe('probing');
  });

  test('lets one claim find out', async () => {
    const { db } = queue;
    await atOnce(3, () => waitingJob(db));
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    expect(await claim(db, { count: 3 })).toHaveLength(1);
    expect(await claim(db, { count: 3 })).toEqual([]);
  });

  test('closes with the picture of that call', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
    expect(await succeedJob(db, held, picture())).toBe(true);
    expect(await stateOf()).toBe('ready');
  });

  test('opens for twice as long each time that call fails, up to a minute', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await breakCircuit(db);
    for (const seconds of [10, 20, 40, 60, 60]) {
      await letCircuitsPass(db, 60_000);
      expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
      await tellFailure(db);
      const { state, waitMs } = await gateOf(db);
      expect(state).toBe('down');
      expect(Math.ceil(waitMs / 1000)).toBe(seconds);
    }
  });

  test('lets another call find out when the first was never heard of again', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await breakCircuit(db);
    await letCircuitsPass(db, 5_000);
    await reserveCall(db, held, LANE);
    await letCircuitsPass(db, 60_000);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
  });
});

describe('a key that the service refuses', () => {
  test('bars the provider at once, until another key is in force', async () => {
    const { db } = queue;
    await setLaneKey(db, LANE, 'old');
    await tellFailure(db, { failure: { kind: 'invalid_key', retryable: false }, keyId: 'old' });
    expect(await stateOf()).toBe('down');
    await setLaneKey(db, LANE, 'new');
    expect(await stateOf()).toBe('ready');
  });

  test('says nothing of the key that came after it', async () => {
    const { db } = queue;
    await setLaneKey(db, LANE, 'new');
    await tellFailure(db, { failure: { kind: 'invalid_key', retryable: false }, keyId: 'old' });
    expect(await stateOf()).toBe('ready');
  });
});

describe('a service that asks to wait', () => {
  const throttled = { kind: 'throttled', retryable: true, charged: 'no', retryAfterMs: 7_000 } as const;

  test('is not called by anybody until then, and is not held to be down', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    for (let turn = 0; turn < 6; turn++) await tellFailure(db, { failure: throttled });
    const answer = await reserveCall(db, held, LANE);
    expect(answer.outcome).toBe('wait');
    if (answer.outcome === 'wait') expect(Math.ceil(answer.waitMs / 1000)).toBe(7);
    await letCircuitsPass(db, 7_000);
    expect((await reserveCall(db, held, LANE)).outcome).toBe('granted');
  });

  test('for longer than ten minutes is asked again after ten', async () => {
    await tellFailure(queue.db, { failure: { ...throttled, retryAfterMs: 86_400_000 } });
    expect((await gateOf(queue.db)).waitMs).toBeLessThanOrEqual(600_000);
  });

  test('without saying for how long counts as a failure', async () => {
    const { retryAfterMs: _, ...unhinted } = throttled;
    for (let turn = 0; turn < 5; turn++) await tellFailure(queue.db, { failure: unhinted });
    expect(await stateOf()).toBe('down');
  });
});

describe('a quota that is used up', () => {
  const exhausted = { kind: 'throttled', retryable: false, charged: 'no', exhausted: true } as const;

  test("bars the provider until midnight where the service's day ends", async () => {
    const { db } = queue;
    await db.pool.query(`update lane set quota_zone = 'America/Los_Angeles'`);
    await tellFailure(db, { failure: exhausted });
    const { state, waitMs } = await gateOf(db);
    expect(state).toBe('exhausted');
    const { rows } =
      await db.pool.query(`select extract(epoch from (date_trunc('day', now() at time zone 'America/Los_Angeles')
      + interval '1 day') at time zone 'America/Los_Angeles' - clock_timestamp())::float8 * 1000 as ms`);
    expect(Math.abs(waitMs - rows[0].ms)).toBeLessThan(1_000);
  });

  test('bars it until the moment that the service names itself', async () => {
    await tellFailure(queue.db, { failure: { ...exhausted, retryAfterMs: 3_600_000 } });
    expect(Math.round((await gateOf(queue.db)).waitMs / 60_000)).toBe(60);
  });

  test('of our own is exact over claims, reservations and uploads that race', async () => {
    const { db } = queue;
    const held = await claimedJobs(db, 5);
    await atOnce(20, () => waitingJob(db));
    await setLane(db);
    await db.pool.query('update lane set calls_per_day = 12, day_calls = 0, day_ends_at = null');
    const granted = await atOnce(60, async (index) => {
      if (index % 2 === 0) return (await claim(db, { count: 2 })).length;
      return (await reserveCall(db, held[index % 5] as (typeof held)[0], LANE)).outcome === 'granted' ? 1 : 0;
    });
    expect(granted.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(await gateOf(db)).toMatchObject({ state: 'exhausted', dayCalls: 12 });
    expect(await enqueueJob(db, newJob())).toMatchObject({ outcome: 'unserved', why: 'exhausted' });
  });

  test('of our own begins anew with the next day', async () => {
    const { db } = queue;
    await db.pool.query(
      `update lane set calls_per_day = 2, day_calls = 2, day_ends_at = clock_timestamp() - interval '1 second'`,
    );
    expect(await stateOf()).toBe('ready');
    await atOnce(3, () => waitingJob(db));
    expect(await claim(db, { count: 3 })).toHaveLength(2);
  });
});

describe('the ledger', () => {
  const ledger = async (jobId: string) =>
    (await queue.db.pool.query('select * from provider_call where job_id = $1 order by attempt_no', [jobId])).rows;

  test('has one entry for each call, with its price at that time', async () => {
    const { db } = queue;
    await db.pool.query(`insert into platform_setting (key, value, updated_by) values ('pricing',
      '{"currency": "EUR", "prices": [{"provider_id": "studio", "model": "*", "price": 0.04}, {"provider_id": "studio", "model": "pro", "price": 0.13}]}', 'serg')`);
    const held = await claimedJob(db);
    await tellFailure(db, { jobId: held.jobId, attemptNo: 1, failure: { charged: 'maybe' } });
    await reserveCall(db, held, LANE);
    await succeedJob(db, held, picture({ call: aCall({ attemptNo: 2, model: 'pro' }), charged: 'yes' }));
    expect(await ledger(held.jobId)).toEqual([
      expect.objectContaining({
        attempt_no: 1,
        outcome: 'unavailable',
        charged: 'maybe',
        price: '0.040000',
        latency_ms: 100,
      }),
      expect.objectContaining({
        attempt_no: 2,
        outcome: 'image',
        charged: 'yes',
        price: '0.130000',
        latency_ms: 1_200,
      }),
    ]);
  });

  test('does not lack a call that nobody saw the end of: it was perhaps charged', async () => {
    const { db } = queue;
    const held = await claimedJob(db, { providerId: LANE });
    await db.pool.query(`select job_end($1, 'timeout', 'the response window closed', false)`, [held.jobId]);
    expect(await ledger(held.jobId)).toEqual([
      expect.objectContaining({ attempt_no: 1, outcome: 'unknown', price: null }),
    ]);
  });

  test('takes the later word where an answer came late', async () => {
    const { db } = queue;
    const held = await claimedJob(db);
    await db.pool.query(`select job_end($1, 'timeout', 'the response window closed', false)`, [held.jobId]);
    expect(await succeedJob(db, held, picture({ charged: 'yes' }))).toBe(false);
    expect(await ledger(held.jobId)).toEqual([expect.objectContaining({ outcome: 'late', charged: 'yes' })]);
  });
});
