import type { Claim, ClaimedJob } from '../repositories/job-queue.ts';

/** A job in work: what it is, and the way to stop it. */
export interface RunningJob {
  readonly job: ClaimedJob;
  readonly claim: Claim;
  /** Aborted with a `StopReason` when the claim no longer counts or the process ends. */
  readonly stop: AbortSignal;
  /** When the window closes, on the monotonic clock. */
  readonly endsAt: number;
}
