import type { Claim, ClaimedJob } from '../repositories/job-queue.ts';
import type { StageClock } from '../services/job/stage-clock.ts';

/** A job in work: what it is, and the way to stop it. */
export interface RunningJob {
  readonly job: ClaimedJob;
  readonly claim: Claim;
  /** Aborted with a `StopReason` when the claim no longer counts or the process ends. */
  readonly stop: AbortSignal;
  /** Received by this very process: its photo needs no second look. */
  readonly isHandedOver: boolean;
  readonly stages: StageClock;
  /** When the window closes, on the monotonic clock. */
  readonly endsAt: number;
}
