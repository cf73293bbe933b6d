/** The queue as a few lines of memory: what every step of two workers has to answer, and what has to hold after each. */
import { expect } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import { type EnqueueOutcome, enqueueJob } from '../../src/repositories/enqueue-job.ts';
import {
  type Claim,
  claimJobs,
  releaseJobs,
  renewLeases,
  type SweptJob,
  sweepJobs,
} from '../../src/repositories/job-queue.ts';
import { closeWindow, endings, endLease, LANE, LEASE_MS, newJob } from './queue.ts';

const CLAIM_MAX = 3;
const CLAIM_COUNT = 2;

interface Limits {
  readonly openMax: number;
  readonly runningMax: number;
}

interface ModelJob {
  readonly id: string;
  state: 'pending' | 'processing' | 'final';
  claimNo: number;
  workerId: string | undefined;
  isClosed: boolean;
  isSilent: boolean;
  /** What each worker last knew of the job. */
  readonly known: Map<string, Claim>;
}

/** The jobs as they must be now, and questions about them. */
function createMemory(limits: Limits) {
  const jobs: ModelJob[] = [];
  const inState = (state: ModelJob['state']) => jobs.filter((job) => job.state === state);
  return {
    jobs,
    inState,
    byId: (id: string) => jobs.find((job) => job.id === id) as ModelJob,
    claimsOf: (workerId: string) => jobs.flatMap((job) => job.known.get(workerId) ?? []),
    room: () => limits.runningMax - inState('processing').length,
    isFull: () => jobs.filter((job) => job.state !== 'final' && !job.isClosed).length >= limits.openMax,
    add(id: string): ModelJob {
      const begun = { claimNo: 0, workerId: undefined, isClosed: false, isSilent: false, known: new Map() };
      const job: ModelJob = { id, state: 'pending', ...begun };
      jobs.push(job);
      return job;
    },
    begin(job: ModelJob, workerId: string): void {
      Object.assign(job, { state: 'processing', claimNo: job.claimNo + 1, workerId, isSilent: false });
      job.known.set(workerId, { jobId: job.id, claimNo: job.claimNo, workerId });
    },
  };
}

type Memory = ReturnType<typeof createMemory>;

const holds = (job: ModelJob, held: Claim): boolean =>
  job.state === 'processing' && job.workerId === held.workerId && job.claimNo === held.claimNo;

function expectedOutcome(memory: Memory, workerId: string | undefined): EnqueueOutcome['outcome'] {
  if (memory.isFull()) return 'full';
  const isIdle = memory.inState('pending').length === 0 && memory.room() > 0;
  return workerId !== undefined && isIdle ? 'claimed' : 'created';
}

/** What workers do. Each step takes a worker, and a job by its number; a job that does not exist is passed over. */
function workerSteps(db: Db, memory: Memory, { openMax }: Limits) {
  return {
    async enqueue(workerId: string | undefined) {
      const expected = expectedOutcome(memory, workerId);
      const claimFor = workerId === undefined ? undefined : { workerId, leaseMs: LEASE_MS };
      const job = newJob({ openMax, claimFor });
      expect((await enqueueJob(db, job)).outcome).toBe(expected);
      if (expected === 'full') return;
      const made = memory.add(job.id);
      if (expected === 'claimed' && workerId !== undefined) memory.begin(made, workerId);
    },
    async claim(workerId: string) {
      const ready = memory.inState('pending').filter((job) => !job.isClosed);
      const claimed = await claimJobs(db, { providerId: LANE, workerId, count: CLAIM_COUNT, leaseMs: LEASE_MS });
      expect(claimed.length).toBeLessThanOrEqual(Math.min(ready.length, memory.room(), CLAIM_COUNT));
      for (const { id, claimNo } of claimed) {
        const job = memory.byId(id);
        expect(ready).toContain(job);
        memory.begin(job, workerId);
        expect(claimNo).toBe(job.claimNo);
      }
    },
    async heartbeat(workerId: string) {
      const claims = memory.claimsOf(workerId);
      const alive = claims.filter((held) => holds(memory.byId(held.jobId), held) && !memory.byId(held.jobId).isClosed);
      const ids = new Set(alive.map(({ jobId }) => jobId));
      expect(await renewLeases(db, workerId, claims, LEASE_MS)).toEqual(ids);
      for (const id of ids) memory.byId(id).isSilent = false;
    },
    async finish(ending: 'success' | 'failure', workerId: string, number: number) {
      const job = memory.jobs[number];
      const held = job?.known.get(workerId);
      if (job === undefined || held === undefined) return;
      const isMine = holds(job, held) && !job.isClosed;
      expect(await endings[ending](db, held)).toBe(isMine);
      if (isMine) job.state = 'final';
    },
    async release(workerId: string) {
      const claims = memory.claimsOf(workerId);
      const mine = claims.filter((held) => held.claimNo < CLAIM_MAX && holds(memory.byId(held.jobId), held));
      const released = await releaseJobs(db, workerId, claims);
      expect(new Set(released)).toEqual(new Set(mine.map(({ jobId }) => jobId)));
      for (const id of released) memory.byId(id).state = 'pending';
    },
  };
}

function fateOf(job: ModelJob): SweptJob['outcome'] {
  if (job.isClosed) return 'timeout';
  return job.claimNo < CLAIM_MAX ? 'reclaimed' : 'failed';
}

/** What happens to jobs without their workers: by time, by whoever holds the request, by the sweep. */
function outerSteps(db: Db, memory: Memory) {
  return {
    async end(ending: 'cancel' | 'timeout', number: number) {
      const job = memory.jobs[number];
      if (job === undefined) return;
      expect(await endings[ending](db, { jobId: job.id, claimNo: 0, workerId: '' })).toBe(job.state !== 'final');
      job.state = 'final';
    },
    async endLease(number: number) {
      const job = memory.jobs[number];
      if (job?.state !== 'processing') return;
      await endLease(db, job.id);
      job.isSilent = true;
    },
    async closeWindow(number: number) {
      const job = memory.jobs[number];
      if (job === undefined || job.state === 'final' || job.isClosed) return;
      await closeWindow(db, job.id);
      job.isClosed = true;
    },
    async sweep() {
      const swept = await sweepJobs(db, 0);
      const due = memory.jobs.filter(
        (job) => (job.state !== 'final' && job.isClosed) || (job.state === 'processing' && job.isSilent),
      );
      const told = swept.map(({ id, outcome }) => `${id} ${outcome}`);
      expect(told.sort()).toEqual(due.map((job) => `${job.id} ${fateOf(job)}`).sort());
      for (const job of due) job.state = fateOf(job) === 'reclaimed' ? 'pending' : 'final';
    },
  };
}

/** Compares the rows with the model, and the limits with the rows. */
async function checkRows(db: Db, jobs: readonly ModelJob[], limits: Limits): Promise<void> {
  const { rows } =
    await db.pool.query(`select j.id, claim_no, case when is_finalized then 'final' else j.status end as state,
    expires_at > clock_timestamp() as is_open, (select count(*)::int from processing_log l
      where l.job_id = j.id and l.status in ('succeeded', 'failed', 'timeout')) as finals from job j`);
  const found = rows.map(({ id, claim_no, state, finals }) => `${id} ${state} claim ${claim_no}, ${finals} final`);
  const expected = jobs.map(
    ({ id, state, claimNo }) => `${id} ${state} claim ${claimNo}, ${state === 'final' ? 1 : 0} final`,
  );
  expect(found.sort()).toEqual(expected.sort());
  expect(rows.filter(({ state }) => state === 'processing').length).toBeLessThanOrEqual(limits.runningMax);
  const open = rows.filter(({ state, is_open: isOpen }) => state !== 'final' && isOpen);
  expect(open.length).toBeLessThanOrEqual(limits.openMax);
}

/** A model of an empty queue. Every step asserts what the database answers, `check` what the rows say. */
export function createQueueModel(db: Db, limits: Limits) {
  const memory = createMemory(limits);
  const steps = { ...workerSteps(db, memory, limits), ...outerSteps(db, memory) };
  return {
    ...steps,
    check: () => checkRows(db, memory.jobs, limits),
    /** Claims until nothing more comes: then the lane is full, or nothing waits. */
    async claimAll(workerId: string) {
      for (let before = -1; before !== memory.inState('processing').length; ) {
        before = memory.inState('processing').length;
        await steps.claim(workerId);
      }
      expect(memory.inState('pending').length === 0 || memory.room() === 0).toBe(true);
    },
    finalCount: () => memory.inState('final').length,
  };
}

/** The steps and checks of one run. */
export type QueueModel = ReturnType<typeof createQueueModel>;
