/**
 * Deleting what its lifetime has ended, and what a crash left behind. One process at a time does it; each step reads the state
 * and may be repeated, and one file that cannot be removed holds up nothing else.
 */
import { countExpiredResults, deleteOldJobs, withCleanupLock } from '../repositories/retention.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';
import { removeExpiredResults } from './expired-results.ts';
import { removeOrphans } from './orphan-files.ts';

/** What was removed, or would be. */
export interface CleanUpReport {
  expiredResults: number;
  orphanFiles: number;
  oldJobs: number;
}

/** One clean-up. @returns undefined when another process is at it. */
export async function cleanUp(deps: CleanUpDeps, options: CleanUpOptions): Promise<CleanUpReport | undefined> {
  return withCleanupLock(deps.db, async () => {
    const report = {
      expiredResults: options.isDryRun
        ? await countExpiredResults(deps.db)
        : await removeExpiredResults(deps, options.signal),
      orphanFiles: options.withOrphans ? await removeOrphans(deps, options) : 0,
      oldJobs: options.isDryRun || options.signal?.aborted ? 0 : await deleteOldJobs(deps.db, options.jobRowDays),
    };
    if (report.expiredResults + report.orphanFiles + report.oldJobs > 0) deps.log.info({ ...report }, 'cleaned up');
    return report;
  });
}
