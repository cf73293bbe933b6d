/**
 * Deleting what its lifetime has ended, and what a crash left behind. One process at a time does it; each step reads the state
 * and may be repeated, and one file that cannot be removed holds up nothing else.
 */
import { withCleanupLock } from '../repositories/retention.ts';
import type { CleanUpDeps, CleanUpOptions, CleanUpReport, CleanUpStep } from './clean-up-options.ts';
import { removeExpiredOriginals } from './expired-originals.ts';
import { removeExpiredResults } from './expired-results.ts';
import { removeOldAuditEvents, removeOldJobs } from './old-rows.ts';
import { removeOrphans } from './orphan-files.ts';
import { removeDeletedTemplates, removeMediaObjects } from './over-media.ts';
import { removeOldDeliveries } from './over-webhooks.ts';

/**
 * In this order: files that lose their rows here are found by the orphans' step, and a job's row goes only after its result. Each
 * keeps to `isDryRun`, `signal` and `expiredBy` by itself and says how many it removed, or would.
 */
const STEPS: Readonly<Record<keyof CleanUpReport, CleanUpStep>> = {
  expiredResults: { scope: 'full', run: removeExpiredResults },
  expiredOriginals: { scope: 'full', run: removeExpiredOriginals },
  mediaObjects: { scope: 'media_objects', run: removeMediaObjects },
  deletedTemplates: { scope: 'full', run: removeDeletedTemplates },
  orphanFiles: { scope: 'media_objects', run: removeOrphans },
  oldJobs: { scope: 'full', run: removeOldJobs },
  oldAuditEvents: { scope: 'full', run: removeOldAuditEvents },
  oldDeliveries: { scope: 'full', run: removeOldDeliveries },
};

/** One clean-up. @returns undefined when another process is at it. */
export const cleanUp = (deps: CleanUpDeps, options: CleanUpOptions): Promise<CleanUpReport | undefined> =>
  withCleanupLock(deps.db, () => runCleanUp(deps, options));

/** The same, for whoever holds the clean-up lock already. */
export async function runCleanUp(deps: CleanUpDeps, options: CleanUpOptions): Promise<CleanUpReport> {
  const report: Record<string, number> = {};
  for (const [name, step] of Object.entries(STEPS)) {
    const isAsked = (options.scope ?? 'full') === 'full' || step.scope === 'media_objects';
    report[name] = isAsked && !options.signal?.aborted ? await step.run(deps, options) : 0;
  }
  const removed = report as unknown as CleanUpReport;
  if (!options.isDryRun && Object.values(removed).some((count) => count > 0)) {
    deps.log.info({ ...removed }, 'cleaned up');
    deps.meter?.cleanedUp(removed);
  }
  return removed;
}
