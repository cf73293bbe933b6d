import type { ClaimedJob } from '../../repositories/job-queue.ts';

/** A free place of the worker in this process, taken before the job exists. Exactly one of its two methods is called, once. */
export interface WorkerPlace {
  run(job: ClaimedJob): void;
  release(): void;
}

/** What the ingest needs of a worker in the same process: to hand a job over without a detour, and to stop a call at once. */
export interface LocalWorker {
  readonly workerId: string;
  readonly leaseMs: number;
  /** A free place, if there is one. */
  reserve(): WorkerPlace | undefined;
  /** Stops the call of a job that is final, if this process makes it. */
  abort(jobId: string): void;
}
