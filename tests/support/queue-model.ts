/** The queue as a few lines of memory: what every step of two workers has to answer, and what has to hold after each. */
import { expect } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import {
  type Claim,
  claimJobs,
  enqueueJob,
  releaseJobs,
  renewLeases,
  sweepJobs,
} from '../../src/repositories/job-queue.ts';
import { closeWindow, endings, endLease, LANE, LEASE_MS, newJob } from './queue.ts';

const CLAIM_MAX = 3;
const CLAIM_COUNT = 2;

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

/** Steps take a worker, and a job by its number; a job that does not exist is passed over. Each asserts what it answers. */
export interface QueueModel {
  enqueue(workerId: string | undefined): Promise<void>;
  claim(workerId: string): Promise<void>;
  heartbeat(workerId: string): Promise<void>;
  finish(ending: 'success' | 'failure', workerId: string, job: number): Promise<void>;
  end(ending: 'cancel' | 'timeout', job: number): Promise<void>;
  endLease(job: number): Promise<void>;
  closeWindow(job: number): Promise<void>;
  sweep(): Promise<void>;
  release(workerId: string): Promise<void>;
  /** Compares the rows with the model, and the limits with the rows. */
  check(): Promise<void>;
  /** Claims until nothing more comes: then the lane is full, or nothing waits. */
  claimAll(workerId: string): Promise<void>;
  finalCount(): number;
}

/** A model of an empty queue. */
export function createQueueModel(db: Db, limits: { openMax: number; runningMax: number }): QueueModel {
  const jobs: ModelJob[] = [];
  const inState = (state: ModelJob['state']) => jobs.filter((job) => job.state === state);
  const byId = (id: string) => jobs.find((job) => job.id === id) as ModelJob;
  const holds = (job: ModelJob, held: Claim | undefined) =>
    held !== undefined && job.state === 'processing' && job.workerId === held.workerId && job.claimNo === held.claimNo;
  const counts = (job: ModelJob, held: Claim | undefined) => holds(job, held) && !job.isClosed;
  const claimsOf = (workerId: string) => jobs.flatMap((job) => job.known.get(workerId) ?? []);

  function begin(job: ModelJob, workerId: string): void {
    Object.assign(job, { state: 'processing', claimNo: job.claimNo + 1, workerId, isSilent: false });
    job.known.set(workerId, { jobId: job.id, claimNo: job.claimNo, workerId });
  }

  const steps = {
    async enqueue(workerId: string | undefined) {
      const isFull = jobs.filter((job) => job.state !== 'final' && !job.isClosed).length >= limits.openMax;
      const isIdle = inState('pending').length === 0 && inState('processing').length < limits.runningMax;
      const expected = isFull ? 'full' : workerId !== undefined && isIdle ? 'claimed' : 'created';
      const claimFor = workerId === undefined ? undefined : { workerId, leaseMs: LEASE_MS };
      const job = newJob({ openMax: limits.openMax, claimFor });
      expect((await enqueueJob(db, job)).outcome).toBe(expected);
      if (isFull) return;
      const made: ModelJob = {
        id: job.id,
        state: 'pending',
        claimNo: 0,
        workerId: undefined,
        isClosed: false,
        isSilent: false,
        known: new Map(),
      };
      jobs.push(made);
      if (expected === 'claimed' && workerId !== undefined) begin(made, workerId);
    },
    async claim(workerId: string) {
      const ready = inState('pending').filter((job) => !job.isClosed);
      const room = limits.runningMax - inState('processing').length;
      const claimed = await claimJobs(db, { providerId: LANE, workerId, count: CLAIM_COUNT, leaseMs: LEASE_MS });
      expect(claimed.length).toBeLessThanOrEqual(Math.min(ready.length, room, CLAIM_COUNT));
      for (const { id, claimNo } of claimed) {
        expect(ready).toContain(byId(id));
        begin(byId(id), workerId);
        expect(claimNo).toBe(byId(id).claimNo);
      }
    },
    async heartbeat(workerId: string) {
      const claims = claimsOf(workerId);
      const alive = claims.filter((held) => counts(byId(held.jobId), held)).map(({ jobId }) => jobId);
      expect(await renewLeases(db, workerId, claims, LEASE_MS)).toEqual(new Set(alive));
      for (const id of alive) byId(id).isSilent = false;
    },
    async finish(ending: 'success' | 'failure', workerId: string, number: number) {
      const job = jobs[number];
      const held = job?.known.get(workerId);
      if (job === undefined || held === undefined) return;
      const isMine = counts(job, held);
      expect(await endings[ending](db, held)).toBe(isMine);
      if (isMine) job.state = 'final';
    },
    async end(ending: 'cancel' | 'timeout', number: number) {
      const job = jobs[number];
      if (job === undefined) return;
      expect(await endings[ending](db, { jobId: job.id, claimNo: 0, workerId: '' })).toBe(job.state !== 'final');
      job.state = 'final';
    },
  };
  const claimAll = async (workerId: string) => {
    for (let before = -1; before !== inState('processing').length; ) {
      before = inState('processing').length;
      await steps.claim(workerId);
    }
    expect(inState('pending').length === 0 || inState('processing').length === limits.runningMax).toBe(true);
  };
  return {
    ...steps,
    ...timeSteps(db, jobs, claimsOf, holds),
    claimAll,
    check: () => checkRows(db, jobs, limits),
    finalCount: () => inState('final').length,
  };
}

function timeSteps(
  db: Db,
  jobs: readonly ModelJob[],
  claimsOf: (workerId: string) => Claim[],
  holds: (job: ModelJob, held: Claim | undefined) => boolean,
): Pick<QueueModel, 'endLease' | 'closeWindow' | 'sweep' | 'release'> {
  const byId = (id: string) => jobs.find((job) => job.id === id) as ModelJob;
  return {
    async endLease(number) {
      const job = jobs[number];
      if (job?.state !== 'processing') return;
      await endLease(db, job.id);
      job.isSilent = true;
    },
    async closeWindow(number) {
      const job = jobs[number];
      if (job === undefined || job.state === 'final' || job.isClosed) return;
      await closeWindow(db, job.id);
      job.isClosed = true;
    },
    async sweep() {
      const swept = await sweepJobs(db, 0);
      const due = jobs.filter(
        (job) => job.state !== 'final' && (job.isClosed || (job.state === 'processing' && job.isSilent)),
      );
      const fate = (job: ModelJob) => (job.isClosed ? 'timeout' : job.claimNo < CLAIM_MAX ? 'reclaimed' : 'failed');
      expect(new Set(swept.map(({ id, outcome }) => `${id} ${outcome}`))).toEqual(
        new Set(due.map((job) => `${job.id} ${fate(job)}`)),
      );
      for (const job of due) job.state = fate(job) === 'reclaimed' ? 'pending' : 'final';
    },
    async release(workerId) {
      const claims = claimsOf(workerId);
      const mine = claims.filter((held) => byId(held.jobId).claimNo < CLAIM_MAX && holds(byId(held.jobId), held));
      const released = await releaseJobs(
        db,
        workerId,
        claims.map(({ jobId }) => jobId),
      );
      expect(new Set(released)).toEqual(new Set(mine.map(({ jobId }) => jobId)));
      for (const id of released) byId(id).state = 'pending';
    },
  };
}

async function checkRows(
  db: Db,
  jobs: readonly ModelJob[],
  limits: { openMax: number; runningMax: number },
): Promise<void> {
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
  expect(rows.filter(({ state, is_open: isOpen }) => state !== 'final' && isOpen).length).toBeLessThanOrEqual(
    limits.openMax,
  );
}
