import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { JOB_STEPS, type JobState, mayStep } from '../../src/domain/job.ts';
import { sweepJobs } from '../../src/repositories/job-queue.ts';
import {
  claim,
  claimedJob,
  claimOf,
  createTestQueue,
  emptyQueue,
  endings,
  endLease,
  readJob,
  type TestQueue,
  waitingJob,
} from '../support/queue.ts';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(() => emptyQueue(queue));
afterAll(() => queue.drop());

const REFUSED = { code: 'PC001' };
const RESULT = `result_file_path = 'results/x.jpg', result_mime_type = 'image/jpeg', result_size_bytes = 3,
  result_checksum = repeat('b', 64), result_provider_id = 'studio', result_expires_at = clock_timestamp() + interval '72 hours'`;
const NO_RESULT = `result_file_path = null, result_mime_type = null, result_size_bytes = null, result_checksum = null,
  result_provider_id = null, result_expires_at = null`;
const NO_LEASE = 'worker_id = null, lease_until = null';
const LEASE = `worker_id = gen_random_uuid(), lease_until = clock_timestamp() + interval '15 seconds'`;
const FINAL = `is_finalized = true, finalized_at = clock_timestamp(), payload_path = null, ${NO_LEASE}`;
const NOT_FINAL = `is_finalized = false, finalized_at = null, failure_reason = null, ${NO_RESULT}`;

/** What a row of a state looks like; the claim number grows with a claim. */
const INTO: Record<JobState, string> = {
  pending: `status = 'pending', ${NOT_FINAL}, ${NO_LEASE}`,
  processing: `status = 'processing', claim_no = claim_no + 1, started_at = clock_timestamp(), ${NOT_FINAL}, ${LEASE}`,
  succeeded: `${FINAL}, failure_reason = null, ${RESULT}`,
  timeout: `${FINAL}, failure_reason = 'timeout', ${NO_RESULT}`,
  provider_error: `${FINAL}, failure_reason = 'provider_error', ${NO_RESULT}`,
  cancelled: `${FINAL}, failure_reason = 'cancelled', ${NO_RESULT}`,
};

const set = (jobId: string, change: string) => queue.db.pool.query(`update job set ${change} where id = $1`, [jobId]);

async function jobIn(state: JobState): Promise<string> {
  const { db } = queue;
  if (state === 'pending') return waitingJob(db);
  const held = await claimedJob(db);
  const names = { succeeded: 'success', provider_error: 'failure', timeout: 'timeout', cancelled: 'cancel' } as const;
  if (state !== 'processing') await endings[names[state]](db, held);
  return held.jobId;
}

describe('the database allows just the steps of the table', () => {
  const states = Object.keys(JOB_STEPS) as JobState[];
  const isOpen = (state: JobState) => state === 'pending' || state === 'processing';
  const steps = states.flatMap((from) => states.map((to) => ({ from, to })));
  const real = steps.filter(({ from, to }) => from !== to || !isOpen(from));

  test.each(real.filter(({ from, to }) => mayStep(from, to)))('$from → $to', async ({ from, to }) => {
    expect((await set(await jobIn(from), INTO[to])).rowCount).toBe(1);
  });

  test.each(real.filter(({ from, to }) => !mayStep(from, to)))('never $from → $to', async ({ from, to }) => {
    const jobId = await jobIn(from);
    const row = await readJob(queue.db, jobId);
    await expect(set(jobId, INTO[to])).rejects.toMatchObject(REFUSED);
    expect(await readJob(queue.db, jobId)).toEqual(row);
  });
});

describe('a finalised row', () => {
  test.each([
    `failure_reason = 'timeout'`,
    `failure_message = 'another'`,
    "updated_at = clock_timestamp() + interval '1 second'",
    `finalized_at = finalized_at + interval '1 millisecond'`,
    `result_file_path = 'results/another.jpg'`,
    `result_checksum = repeat('c', 64)`,
    `result_expires_at = result_expires_at + interval '1 hour'`,
    `result_file_path = null, result_expires_at = null`,
    `result_file_path = null, updated_at = updated_at + interval '1 second'`,
    `metadata = '{"a": "b"}'`,
    'claim_no = claim_no + 1',
    'attempt_no = attempt_no + 1',
    LEASE,
  ])('refuses: %s', async (change) => {
    await expect(set(await jobIn('succeeded'), change)).rejects.toMatchObject(REFUSED);
  });

  test('lets retention forget its file, and nothing bring it back', async () => {
    const jobId = await jobIn('succeeded');
    const row = await readJob(queue.db, jobId);
    await set(jobId, 'result_file_path = null');
    expect(await readJob(queue.db, jobId)).toEqual({ ...row, result_file_path: null });
    await expect(set(jobId, `result_file_path = 'results/x.jpg'`)).rejects.toMatchObject(REFUSED);
  });
});

describe('an unfinished row', () => {
  test.each([
    'id = gen_random_uuid()',
    `slot_id = 'slot-009'`,
    `created_at = created_at - interval '1 second'`,
    `expires_at = expires_at + interval '1 second'`,
    `expires_at = expires_at - interval '1 millisecond'`,
    'attempt_no = attempt_no - 1',
  ])('never accepts: %s', async (change) => {
    await expect(set(await jobIn('processing'), change)).rejects.toMatchObject(REFUSED);
  });

  test.each([
    ['goes back', 'processing', 'claim_no = claim_no - 1'],
    ['skips one', 'pending', INTO.processing.replace('claim_no + 1', 'claim_no + 2')],
    ['stays with a new claim', 'pending', INTO.processing.replace('claim_no + 1', 'claim_no')],
    ['grows while the job waits', 'pending', 'claim_no = claim_no + 1'],
    ['grows while a worker holds the job', 'processing', 'claim_no = claim_no + 1'],
  ] as const)('never has a claim number that %s', async (_, state, change) => {
    const { db } = queue;
    const workerId = randomUUID();
    const first = await claimedJob(db, { workerId });
    await endLease(db, first.jobId);
    await sweepJobs(db, 0);
    if (state === 'processing') {
      const [again] = await claim(db, { workerId });
      expect(again && claimOf(again, workerId).claimNo).toBe(2);
    }
    await expect(set(first.jobId, change)).rejects.toMatchObject(REFUSED);
  });
});

describe('no row can say', () => {
  test.each<[string, JobState, string, string]>([
    ['a lease without a worker', 'processing', 'worker_id = null', 'job_lease'],
    ['a worker without a lease', 'processing', 'lease_until = null', 'job_lease'],
    ['a lease while it waits', 'pending', LEASE, 'job_lease'],
    ['a running job that nobody holds', 'processing', NO_LEASE, 'job_lease'],
    ['a lease on a finished job', 'processing', `${INTO.timeout}, ${LEASE}`.replace(`, ${NO_LEASE}`, ''), 'job_lease'],
    ['a running job that never started', 'processing', 'started_at = null', 'job_claim'],
    ['a start without a claim', 'pending', 'started_at = clock_timestamp()', 'job_claim'],
    ['a result before the end', 'processing', RESULT, 'job_result'],
    ['a file without a result', 'processing', `result_file_path = 'results/x.jpg'`, 'job_result'],
    ['a result and a failure', 'processing', `${INTO.timeout.replace(NO_RESULT, RESULT)}`, 'job_result'],
    ['a success without a result', 'processing', FINAL, 'job_result'],
    [
      'a result without its checksum',
      'processing',
      `${INTO.succeeded}, result_checksum = null`.replace(`result_checksum = repeat('b', 64), `, ''),
      'job_result',
    ],
    ['a failure before the end', 'processing', `failure_reason = 'timeout'`, 'job_final'],
    [
      'an end without its time',
      'processing',
      INTO.timeout.replace('finalized_at = clock_timestamp(), ', ''),
      'job_final',
    ],
    ['the time of an end that was not', 'processing', 'finalized_at = clock_timestamp()', 'job_final'],
    ['a payload after the end', 'processing', INTO.timeout.replace('payload_path = null, ', ''), 'job_payload'],
    ['an unknown reason', 'processing', INTO.timeout.replace(`'timeout'`, `'boredom'`), 'job_failure_reason_check'],
    [
      'a checksum that is none',
      'processing',
      INTO.succeeded.replace(`repeat('b', 64)`, `'beef'`),
      'job_result_checksum_check',
    ],
    [
      'an empty result',
      'processing',
      INTO.succeeded.replace('result_size_bytes = 3', 'result_size_bytes = 0'),
      'job_result_size_bytes_check',
    ],
    ['an unknown status', 'pending', `status = 'done'`, 'job_claim'],
  ])('%s', async (_, state, change, constraint) => {
    await expect(set(await jobIn(state), change)).rejects.toMatchObject({ code: '23514', constraint });
  });
});
