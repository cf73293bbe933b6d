import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { failJob, succeedJob } from '../../src/repositories/job-queue.ts';
import { readSpending } from '../../src/repositories/ledger.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { tellFailure } from '../support/circuits.ts';
import { setPrices } from '../support/ledger.ts';
import {
  aCall,
  atOnce,
  claim,
  claimOf,
  countJobs,
  createTestQueue,
  emptyQueue,
  LANE,
  newJob,
  picture,
  SLOT,
  setLane,
  type TestQueue,
} from '../support/queue.ts';

const FREE = 'free';
const PRICE = 0.1;
const CALLS = 7;

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue({ poolSize: 20 });
});
beforeEach(async () => {
  await emptyQueue(queue);
  await setLane(queue.db, { id: FREE });
  await setPrices(queue.db, [[LANE, PRICE]]);
});
afterAll(() => queue.drop());

/** A photo for a slot whose budget pays for {@link CALLS} calls; after that a free link makes the picture. */
function photo(overrides: Partial<NewJob> = {}): NewJob {
  const job = newJob({ terms: { dailyBudget: CALLS * PRICE }, ...overrides });
  const link = { providerId: FREE, operationId: 'frame', settings: {} };
  return { ...job, chain: [{ providerId: FREE, model: '*' }], snapshot: { ...job.snapshot, links: [link] } };
}

const paid = (slotId = SLOT) => countJobs(queue.db, `link_no = 0 and slot_id = '${slotId}'`);

/** Takes a waiting job, if there is one, and lets its call end: with a picture, or with a failure that was charged so. */
async function workOne(end: 'image' | 'yes' | 'maybe' | 'no', providerId = LANE): Promise<boolean> {
  const { db } = queue;
  const workerId = randomUUID();
  const [job] = await claim(db, { workerId, providerId });
  if (job === undefined) return false;
  const held = claimOf(job, workerId);
  const charged = providerId === FREE ? 'no' : 'yes';
  if (end === 'image')
    await succeedJob(db, held, picture({ charged, call: aCall({ providerId, linkNo: job.linkNo }) }));
  else {
    await tellFailure(db, { jobId: job.id, attemptNo: 1, failure: { charged: end } });
    await failJob(db, held, 'no picture');
  }
  return true;
}

describe('a budget that pays for seven calls', () => {
  test('admits exactly seven of many photos that come at once', async () => {
    const outcomes = await atOnce(60, () => enqueueJob(queue.db, photo()));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(60).fill('created'));
    expect(await paid()).toBe(CALLS);
  });

  test('admits exactly seven while photos come, are taken and end all the time', async () => {
    const { db } = queue;
    const stations = atOnce(6, async () => {
      for (let turn = 0; turn < 8; turn++) await enqueueJob(db, photo());
    });
    const workers = atOnce(3, async () => {
      for (let turn = 0; turn < 12; turn++) await workOne('image');
    });
    await Promise.all([stations, workers]);
    while (await workOne('image'));
    expect(await paid()).toBe(CALLS);
    await updateSlot(db, SLOT, { dailyBudget: CALLS * PRICE });
    expect((await readSpending(db, SLOT)).map(({ spent }) => spent)).toEqual([0.7]);
  });

  test('is the slot’s own: two slots have seven calls each', async () => {
    await atOnce(40, (index) => enqueueJob(queue.db, photo({ slotId: index % 2 === 0 ? 'slot-001' : 'slot-002' })));
    expect([await paid('slot-001'), await paid('slot-002')]).toEqual([CALLS, CALLS]);
  });

  test('takes back what a call that was not charged had reserved, and nothing else', async () => {
    const { db } = queue;
    await atOnce(20, () => enqueueJob(db, photo()));
    for (const end of ['yes', 'maybe', 'no', 'no', 'image'] as const) expect(await workOne(end)).toBe(true);
    while (await workOne('image', FREE));
    await atOnce(20, () => enqueueJob(db, photo()));
    expect(await paid()).toBe(CALLS + 2);
  });

  test('does not count test runs, nor what they cost', async () => {
    const { db } = queue;
    await atOnce(5, () => enqueueJob(db, photo({ terms: { isTest: true } })));
    await atOnce(20, () => enqueueJob(db, photo()));
    expect(await countJobs(db, 'link_no = 0 and not is_test')).toBe(CALLS);
  });
});
