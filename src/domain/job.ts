import type { FallbackLink, RepeatPaidCalls } from './slot-policy.ts';
import type { JobTemplates } from './templates.ts';

/**
 * A job's life. It is `pending` when it was accepted, `processing` while a worker holds it under a lease, and final exactly once:
 * with a result, or with a reason. A lost lease or a shutdown puts it back to `pending`; the claim number only grows, and every
 * statement of a worker carries it, so nothing that an earlier claim says counts any more.
 */

/** The states and where each may go; the database refuses every other step by trigger. */
export const JOB_STEPS = {
  pending: ['processing', 'timeout', 'cancelled'],
  processing: ['pending', 'succeeded', 'timeout', 'provider_error', 'cancelled'],
  succeeded: [],
  timeout: [],
  provider_error: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

/** A state of a job: waiting, in work, or one of the four ends. */
export type JobState = keyof typeof JOB_STEPS;

/** How a job ends. */
export type JobEnd = Exclude<JobState, 'pending' | 'processing'>;

/** Why a job failed. */
export type FailureReason = 'timeout' | 'provider_error' | 'cancelled';

/** The contract's three columns that together are the state. */
export interface JobStatus {
  readonly status: 'pending' | 'processing';
  readonly isFinalized: boolean;
  readonly failureReason: FailureReason | null;
}

/** The one state that the three columns spell. */
export const jobState = (job: JobStatus): JobState =>
  job.isFinalized ? (job.failureReason ?? 'succeeded') : job.status;

/** Whether a job may go from one state to another. */
export const mayStep = (from: JobState, to: JobState): boolean => (JOB_STEPS[from] as readonly string[]).includes(to);

/** What the job needs of its slot and photo, fixed when it is accepted; later changes of the slot do not reach it. */
export interface JobSnapshot {
  /** The slot's own provider, wherever in its chain the job begins. Always there in jobs that were accepted from a slot. */
  readonly providerId?: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly photo: { readonly mimeType: string; readonly sizeBytes: number; readonly sha256: string };
  /** The template pictures that the settings name; left out where they name none. */
  readonly templates?: JobTemplates;
  /** The model that the settings name, for the price list; left out where there is none to name. */
  readonly model?: string;
  /** The slot's fallback chain, without links that could not take this photo; left out where nothing is left of it. */
  readonly links?: readonly JobLink[];
  /** Left out: `when_uncertain`. */
  readonly repeatPaidCalls?: RepeatPaidCalls;
  /** What the slot may spend in a day; left out: no budget. */
  readonly dailyBudget?: number;
  /** A used-up budget ends the job, rather than sending it to a link that costs nothing. */
  readonly stopsOverBudget?: true;
}

/** A link of a job's chain, with everything that a call needs. */
export interface JobLink extends FallbackLink {
  readonly templates?: JobTemplates;
  readonly model?: string;
}
