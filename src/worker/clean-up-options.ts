import type { PurgeScope } from '../domain/purge.ts';
import type { WorkerDeps } from './worker-deps.ts';

export type { CleanUpReport } from '../domain/purge.ts';

/** When each orphan was first seen, on the process's monotonic clock. */
export type OrphanSightings = Map<string, number>;

/** What cleaning up needs. */
export type CleanUpDeps = Pick<WorkerDeps, 'db' | 'store' | 'log' | 'meter'>;

/** How far a clean-up goes. */
export interface CleanUpOptions {
  /** Default: everything. */
  readonly scope?: PurgeScope;
  readonly windowMsMax: number;
  readonly jobRowDays: number;
  /** Whether to compare the files with the rows, too. */
  readonly withOrphans: boolean;
  /** What earlier turns of this process saw; without it a file's own age decides alone. */
  readonly sightings?: OrphanSightings;
  /** What expired later stays for now; default: the database's time. */
  readonly expiredBy?: Date;
  /** Takes everything there is instead of a bite of old rows: somebody waits for the figures. */
  readonly isThorough?: boolean;
  /** Reports what would go and deletes nothing. */
  readonly isDryRun: boolean;
  /** Ends the clean-up between two files. */
  readonly signal?: AbortSignal;
}

/** One part of a clean-up. */
export interface CleanUpStep {
  /** `media_objects`: also part of a purge of that scope. */
  readonly scope: PurgeScope;
  run(deps: CleanUpDeps, options: CleanUpOptions): Promise<number>;
}
