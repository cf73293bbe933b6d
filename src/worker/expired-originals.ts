import { countExpiredOriginals, findExpiredOriginals, forgetOriginals } from '../repositories/job-originals.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';

/** Removes the files of originals whose time is over, and then their rows. @returns how many are gone, or would be. */
export async function removeExpiredOriginals(deps: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  const { signal, expiredBy, isDryRun } = options;
  if (isDryRun) return countExpiredOriginals(deps.db, expiredBy);
  const stuck: string[] = [];
  let removed = 0;
  for (;;) {
    const expired = await findExpiredOriginals(deps.db, stuck, expiredBy);
    if (expired.length === 0) return removed;
    const gone: string[] = [];
    for (const { jobId, path } of expired) {
      if (signal?.aborted) break;
      try {
        await deps.store.removeOriginal(path);
        gone.push(jobId);
      } catch (error) {
        // nobody gets it any more, and the next clean-up tries again
        deps.log.warn({ job_id: jobId, err: error }, 'expired original not removed');
        stuck.push(jobId);
      }
    }
    await forgetOriginals(deps.db, gone);
    removed += gone.length;
    if (signal?.aborted) return removed;
  }
}
