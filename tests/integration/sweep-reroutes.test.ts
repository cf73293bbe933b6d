import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createHeldRequests } from '../../src/services/job/held-requests.ts';
import { type SweepDeps, sweep } from '../../src/worker/sweep.ts';
import { breakCircuit } from '../support/circuits.ts';
import {
  createTestQueue,
  emptyQueue,
  LEASE_MS,
  newJob,
  readJob,
  setLane,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

const SPARE = 'spare';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
  await emptyQueue(queue);
  await setLane(queue.db, { id: SPARE });
});
afterAll(() => queue.drop());

test('a sweep tells how many waiting jobs it sent on to the next provider of their chain', async () => {
  const { db } = queue;
  const links = [{ providerId: SPARE, operationId: 'frame', settings: {} }];
  const chained = { chain: [{ providerId: SPARE, model: '*' }], snapshot: { ...newJob().snapshot, links } };
  const ids = [await waitingJob(db, chained), await waitingJob(db, chained)];
  const alone = await waitingJob(db);
  const told: number[] = [];
  const meter = { jobsRerouted: (count: number) => told.push(count), cleanedUp: () => {} };
  const deps = { db, held: createHeldRequests(), log: createLog('silent'), meter, store: {} } as unknown as SweepDeps;
  await sweep(deps, LEASE_MS);
  expect(told).toEqual([]);
  await breakCircuit(db);
  await sweep(deps, LEASE_MS);
  await sweep(deps, LEASE_MS);
  expect(told).toEqual([2]);
  for (const id of ids) expect(await readJob(db, id)).toMatchObject({ provider_id: SPARE, link_no: 1 });
  expect((await readJob(db, alone)).link_no).toBe(0);
});
