import { countExpiredResults, findExpiredResults, forgetResultFiles } from '../repositories/retention.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';

/** Removes the files of results whose retention is over, and then their paths. @returns how many are gone, or would be. */
export async function removeExpiredResults(deps: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  const { signal, expiredBy, isDryRun } = options;
  if (isDryRun) return countExpiredResults(deps.db, expiredBy);
  const stuck: string[] = [];
  let removed = 0;
  for (;;) {
    const expired = await findExpiredResults(deps.db, stuck, expiredBy);
    if (expired.length === 0) return removed;
    const gone: string[] = [];
    for (const { jobId, path } of expired) {
      if (signal?.aborted) break;
      try {
        await deps.store.removeResult(path);
        gone.push(jobId);
      } catch (error) {
        // it stays expired for its link, and the next clean-up tries again
        deps.log.warn({ job_id: jobId, err: error }, 'expired result not removed');
        stuck.push(jobId);
      }
    }
    await forgetResultFiles(deps.db, gone);
    removed += gone.length;
    if (signal?.aborted) return removed;
  }
}
