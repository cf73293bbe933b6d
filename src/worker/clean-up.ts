/**
 * Deleting what its lifetime has ended, and what a crash left behind. One process at a time does it; each step reads the state
 * and may be repeated.
 */
import { orphanAgeMs } from '../domain/deadlines.ts';
import { jobsWithPayload, knownResultPaths } from '../repositories/jobs.ts';
import {
  countExpiredResults,
  deleteOldJobs,
  findExpiredResults,
  forgetResultFiles,
  withCleanupLock,
} from '../repositories/retention.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** What cleaning up needs. */
export type CleanUpDeps = Pick<WorkerDeps, 'db' | 'store' | 'log'>;

/** What was removed, or would be. */
export interface CleanUpReport {
  expiredResults: number;
  orphanFiles: number;
  oldJobs: number;
}

/** How far a clean-up goes. */
export interface CleanUpOptions {
  readonly windowMsMax: number;
  readonly jobRowDays: number;
  /** Whether to compare the files with the rows, too. */
  readonly withOrphans: boolean;
  /** Reports what would go and deletes nothing. */
  readonly isDryRun: boolean;
}

/** One clean-up. @returns undefined when another process is at it. */
export async function cleanUp(deps: CleanUpDeps, options: CleanUpOptions): Promise<CleanUpReport | undefined> {
  return withCleanupLock(deps.db, async () => {
    const report = {
      expiredResults: await removeExpiredResults(deps, options.isDryRun),
      orphanFiles: options.withOrphans ? await removeOrphans(deps, options) : 0,
      oldJobs: options.isDryRun ? 0 : await deleteOldJobs(deps.db, options.jobRowDays),
    };
    if (report.expiredResults + report.orphanFiles + report.oldJobs > 0) deps.log.info({ ...report }, 'cleaned up');
    return report;
  });
}

async function removeExpiredResults(deps: CleanUpDeps, isDryRun: boolean): Promise<number> {
  let removed = 0;
  if (isDryRun) return countExpiredResults(deps.db);
  for (;;) {
    const expired = await findExpiredResults(deps.db);
    for (const result of expired) await deps.store.removeResult(result.path);
    await forgetResultFiles(
      deps.db,
      expired.map((result) => result.jobId),
    );
    removed += expired.length;
    if (expired.length === 0) return removed;
  }
}

const BATCH = 500;
const JOB_ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** Files of no job, older than the longest window and a margin: an upload in progress has no row yet. */
async function removeOrphans(deps: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  const bornBefore = Date.now() - orphanAgeMs(options.windowMsMax);
  let removed = 0;
  let batch: string[] = [];
  const flush = async () => {
    for (const path of await orphansAmong(deps, batch)) {
      if (!options.isDryRun) await deps.store.remove(path);
      removed += 1;
    }
    batch = [];
  };
  for await (const file of deps.store.listFiles()) {
    if (file.modifiedAt.getTime() >= bornBefore) continue;
    batch.push(file.path);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  return removed;
}

async function orphansAmong(deps: CleanUpDeps, paths: readonly string[]): Promise<string[]> {
  const jobIds = [...new Set(paths.flatMap((path) => JOB_ID.exec(path) ?? []))];
  const [payloads, results] = await Promise.all([jobsWithPayload(deps.db, jobIds), knownResultPaths(deps.db, jobIds)]);
  const known = new Set([...results].flatMap((path) => [path, deps.store.thumbnailPathOf(path)]));
  return paths.filter((path) => {
    const jobId = JOB_ID.exec(path)?.[0] ?? '';
    return path.startsWith('payloads/') ? !payloads.has(jobId) : !known.has(path);
  });
}
