import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { endJob, failJob, reserveCall } from '../../src/repositories/job-queue.ts';
import { tellFailure } from '../support/circuits.ts';
import { setPrices } from '../support/ledger.ts';
import {
  atOnce,
  claim,
  claimOf,
  closeWindow,
  countJobs,
  createTestQueue,
  emptyQueue,
  LANE,
  newJob,
  setLane,
  type TestQueue,
} from '../support/queue.ts';

const CHEAP = 'cheap';
const FREE = 'free';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue({ poolSize: 20 });
});
beforeEach(async () => {
  await emptyQueue(queue);
  for (const id of [CHEAP, FREE]) await setLane(queue.db, { id });
  await setPrices(queue.db, [
    [LANE, 0.04],
    [CHEAP, 0.01],
  ]);
});
afterAll(() => queue.drop());

/** A photo whose chain leads over a cheap provider to one that costs nothing. */
function photo(dailyBudget: number, overrides: Partial<NewJob> = {}): NewJob {
  const job = newJob({ terms: { dailyBudget }, ...overrides });
  const ids = [CHEAP, FREE];
  const links = ids.map((providerId) => ({ providerId, operationId: 'frame', settings: {} }));
  return { ...job, chain: ids.map((providerId) => ({ providerId, model: '*' })), snapshot: { ...job.snapshot, links } };
}
const places = async () => [
  await countJobs(queue.db, 'link_no = 0'),
  await countJobs(queue.db, 'link_no = 1'),
  await countJobs(queue.db, 'link_no = 2'),
];

describe('a budget over a chain with several prices', () => {
  test('is kept to the cent, whichever link a photo comes to', async () => {
    await atOnce(30, () => enqueueJob(queue.db, photo(0.11)));
    // 2 × 0.04 + 3 × 0.01
    expect(await places()).toEqual([2, 3, 25]);
  });

  test('is not used up by photos that a free link has', async () => {
    const { db } = queue;
    await atOnce(6, () => enqueueJob(db, photo(0.04)));
    expect(await places()).toEqual([1, 0, 5]);
    const workerId = randomUUID();
    const [held] = await claim(db, { workerId });
    if (held === undefined) throw new Error('nothing was claimed');
    await tellFailure(db, { jobId: held.id, attemptNo: 1, failure: { charged: 'no' } });
    await failJob(db, claimOf(held, workerId), 'no picture');
    await enqueueJob(db, photo(0.04));
    expect(await countJobs(db, 'link_no = 0 and not is_finalized')).toBe(1);
  });

  test('lets a failed photo go on to a cheaper link that the budget still pays for', async () => {
    const { db } = queue;
    const workerId = randomUUID();
    const job = photo(0.05);
    await enqueueJob(db, job);
    const [held] = await claim(db, { workerId });
    if (held === undefined) throw new Error('nothing was claimed');
    await tellFailure(db, { jobId: job.id, attemptNo: 1, failure: { charged: 'maybe' } });
    const mine = claimOf(held, workerId);
    expect((await reserveCall(db, mine, LANE, { dailyBudget: 0.05 })).outcome).toBe('over budget');
    expect((await reserveCall(db, mine, CHEAP, { linkNo: 1, dailyBudget: 0.05 })).outcome).toBe('granted');
    await enqueueJob(db, photo(0.05));
    expect(await countJobs(db, 'link_no = 2')).toBe(1);
  });

  test('counts a photo whose window closed until it is ended', async () => {
    const { db } = queue;
    const job = photo(0.04);
    await enqueueJob(db, job);
    await closeWindow(db, job.id);
    await enqueueJob(db, photo(0.04));
    expect(await places()).toEqual([1, 0, 1]);
  });

  test('counts a call that nobody saw the end of at the price of its model', async () => {
    const { db } = queue;
    await setPrices(db, [[CHEAP, 0.04, 'large']]);
    const job = newJob({ providerId: CHEAP, model: 'large' });
    await enqueueJob(db, { ...job, snapshot: { ...job.snapshot, model: 'large' } });
    await claim(db, { providerId: CHEAP });
    await endJob(db, { jobId: job.id, reason: 'timeout', message: 'the response window closed', onlyWaiting: false });
    const { rows } = await db.pool.query('select model, outcome, charged, price::float8 from provider_call');
    expect(rows).toEqual([{ model: 'large', outcome: 'unknown', charged: 'maybe', price: 0.04 }]);
  });
});
