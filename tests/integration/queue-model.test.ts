import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestQueue, emptyQueue, setLane, type TestQueue } from '../support/queue.ts';
import { createQueueModel, type QueueModel } from '../support/queue-model.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
afterAll(() => queue.drop());

const LIMITS = { openMax: 5, runningMax: 3 };
const WORKERS = [randomUUID(), randomUUID()];

type Step = (model: QueueModel) => Promise<void>;

const workers = fc.constantFrom(...WORKERS);
const jobs = fc.nat({ max: 7 });
const named = (name: string, step: Step): Step & { [fc.toStringMethod]: () => string } =>
  Object.assign(step, { [fc.toStringMethod]: () => name });
const steps = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .option(workers, { nil: undefined })
      .map((worker) => named(`enqueue ${worker}`, (model) => model.enqueue(worker))),
  },
  { weight: 4, arbitrary: workers.map((worker) => named(`claim ${worker}`, (model) => model.claim(worker))) },
  { weight: 2, arbitrary: workers.map((worker) => named(`heartbeat ${worker}`, (model) => model.heartbeat(worker))) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(workers, jobs)
      .map(([worker, job]) => named(`succeed ${worker} ${job}`, (model) => model.finish('success', worker, job))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(workers, jobs)
      .map(([worker, job]) => named(`fail ${worker} ${job}`, (model) => model.finish('failure', worker, job))),
  },
  { weight: 1, arbitrary: jobs.map((job) => named(`cancel ${job}`, (model) => model.end('cancel', job))) },
  { weight: 1, arbitrary: jobs.map((job) => named(`time out ${job}`, (model) => model.end('timeout', job))) },
  { weight: 2, arbitrary: jobs.map((job) => named(`silence ${job}`, (model) => model.endLease(job))) },
  { weight: 1, arbitrary: jobs.map((job) => named(`close ${job}`, (model) => model.closeWindow(job))) },
  { weight: 3, arbitrary: fc.constant(named('sweep', (model) => model.sweep())) },
  { weight: 1, arbitrary: workers.map((worker) => named(`release ${worker}`, (model) => model.release(worker))) },
);

test('whatever two workers do, in whatever order: one final event, no limit passed, no claim number lowered', async () => {
  let finals = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 40, size: 'max' }), async (sequence) => {
      await emptyQueue(queue);
      await setLane(queue.db, { runningMax: LIMITS.runningMax });
      const model = createQueueModel(queue.db, LIMITS);
      for (const step of sequence) {
        await step(model);
        await model.check();
      }
      await model.sweep();
      await model.claimAll(WORKERS[0] as string);
      await model.check();
      finals += model.finalCount();
    }),
    { numRuns: 25 },
  );
  expect(finals, 'the sequences must reach the end of some jobs').toBeGreaterThan(5);
});
