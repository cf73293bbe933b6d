/**
 * Purges that administrators asked for, one after the other, each a clean-up of its own with figures that can be read. A purge that
 * a process left unfinished is run again from the beginning: everything it does may be repeated.
 */
import { isConnectionFault } from '../repositories/connection-fault.ts';
import { finishPurge, hasOpenPurge, startNextPurge } from '../repositories/media-purges.ts';
import { withCleanupLock } from '../repositories/retention.ts';
import { runCleanUp } from './clean-up.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';

/** How far every purge goes, besides what its row says. */
export type PurgeLimits = Pick<CleanUpOptions, 'windowMsMax' | 'jobRowDays'> & { readonly signal: AbortSignal };

/** Runs purges as they come. */
export interface PurgeRunner {
  /** Something may be queued: the next turn looks. */
  poke(): void;
  /** One turn; asks the database nothing unless it was poked, or left work behind. */
  turn(): Promise<void>;
}

/** @returns a runner that looks for the first time at its first turn. */
export function createPurgeRunner(deps: CleanUpDeps, limits: PurgeLimits): PurgeRunner {
  let isDue = true;
  return {
    poke() {
      isDue = true;
    },
    async turn() {
      if (!isDue) return;
      isDue = false;
      try {
        // a cheap look before the lock: most pokes come to nothing
        if (!(await hasOpenPurge(deps.db))) return;
        await withCleanupLock(deps.db, () => runOpenPurges(deps, limits));
        // also when another process holds the lock: it may be at its usual clean-up, or die
        isDue = isDue || (await hasOpenPurge(deps.db));
      } catch (error) {
        isDue = true;
        throw error;
      }
    },
  };
}

async function runOpenPurges(deps: CleanUpDeps, limits: PurgeLimits): Promise<void> {
  while (!limits.signal.aborted) {
    const purge = await startNextPurge(deps.db);
    if (purge === undefined) return;
    const { id, scope, isDryRun, expiresCutoff } = purge;
    try {
      const options = { scope, isDryRun, expiredBy: expiresCutoff, withOrphans: true, isThorough: true };
      const outcome = await runCleanUp(deps, { ...limits, ...options });
      // a half one is not told as whole: whoever takes the lock next does the rest
      if (limits.signal.aborted) return;
      await finishPurge(deps.db, id, { outcome });
      deps.log.info({ purge_id: id, scope, is_dry_run: isDryRun, ...outcome }, 'purge done');
    } catch (error) {
      // a database that is away ends nothing: the purge stays open, and is run again
      if (isConnectionFault(error)) throw error;
      deps.log.error({ purge_id: id, err: error }, 'purge failed');
      await finishPurge(deps.db, id, { error: 'The purge ended with a fault; the log tells it under its id.' });
    }
  }
}
