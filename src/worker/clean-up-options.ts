import type { WorkerDeps } from './worker-deps.ts';

/** When each orphan was first seen, on the process's monotonic clock. */
export type OrphanSightings = Map<string, number>;

/** What cleaning up needs. */
export type CleanUpDeps = Pick<WorkerDeps, 'db' | 'store' | 'log'>;

/** How far a clean-up goes. */
export interface CleanUpOptions {
  readonly windowMsMax: number;
  readonly jobRowDays: number;
  /** Whether to compare the files with the rows, too. */
  readonly withOrphans: boolean;
  /** What earlier turns of this process saw; without it a file's own age decides alone. */
  readonly sightings?: OrphanSightings;
  /** Reports what would go and deletes nothing. */
  readonly isDryRun: boolean;
  /** Ends the clean-up between two files. */
  readonly signal?: AbortSignal;
}
