/** Files that no row names: what a crash left between the disk and the database. */
import { orphanAgeMs } from '../domain/deadlines.ts';
import { knownOriginalPaths } from '../repositories/job-originals.ts';
import { jobsWithPayload, knownResultPaths } from '../repositories/jobs.ts';
import { knownMediaPaths } from '../repositories/media-retention.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';

const BATCH = 500;
/** Pictures that rows of their own name; whatever else lies there is an orphan. */
const MEDIA_FOLDER = /^(?:templates|public)\//;
const JOB_ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/**
 * Removes files of no job, template or public link that are older than the longest window and a margin: an upload in progress has no row yet. A running
 * server also wants to have seen them so long ago itself, because a file's time is wrong after the system's clock was set.
 *
 * @returns how many were removed, or would be.
 */
export async function removeOrphans(deps: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  if (!options.withOrphans) return 0;
  // by the clock that stamps the files: this process's own may be off, or the disk another machine's
  const bornBefore = (await deps.store.storageNow()).getTime() - orphanAgeMs(options.windowMsMax);
  const present = new Set<string>();
  let removed = 0;
  let batch: string[] = [];
  const flush = async () => {
    for (const path of await orphansAmong(deps, batch)) {
      present.add(path);
      if (!isOldEnough(path, options)) continue;
      if (options.isDryRun || (await remove(deps, path))) removed += 1;
    }
    batch = [];
  };
  for await (const file of deps.store.listFiles()) {
    if (options.signal?.aborted) return removed;
    if (file.modifiedAt.getTime() >= bornBefore || !isInScope(file.path, options)) continue;
    batch.push(file.path);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  for (const path of options.sightings?.keys() ?? []) if (!present.has(path)) options.sightings?.delete(path);
  return removed;
}

/** A purge of media objects leaves pictures that were made, and templates, to the clean-up. */
const isInScope = (path: string, { scope }: CleanUpOptions): boolean =>
  scope !== 'media_objects' || !/^(?:results|templates|originals)\//.test(path);

function isOldEnough(path: string, { sightings, windowMsMax }: CleanUpOptions): boolean {
  if (sightings === undefined) return true;
  const now = performance.now();
  const firstSeenAt = sightings.get(path) ?? now;
  sightings.set(path, firstSeenAt);
  return now - firstSeenAt >= orphanAgeMs(windowMsMax);
}

async function remove(deps: CleanUpDeps, path: string): Promise<boolean> {
  try {
    await deps.store.remove(path);
    return true;
  } catch (error) {
    deps.log.warn({ path, err: error }, 'orphan not removed');
    return false;
  }
}

async function orphansAmong(deps: CleanUpDeps, paths: readonly string[]): Promise<string[]> {
  const isMedia = (path: string): boolean => MEDIA_FOLDER.test(path);
  const media = await knownMediaPaths(deps.db, paths.filter(isMedia));
  const ofJobs = await orphansOfJobs(
    deps,
    paths.filter((path) => !isMedia(path)),
  );
  return [...ofJobs, ...paths.filter((path) => isMedia(path) && !media.has(path))];
}

async function orphansOfJobs(deps: CleanUpDeps, paths: readonly string[]): Promise<string[]> {
  const jobIds = [...new Set(paths.flatMap((path) => JOB_ID.exec(path) ?? []))];
  const [payloads, results, originals] = await Promise.all([
    jobsWithPayload(deps.db, jobIds),
    knownResultPaths(deps.db, jobIds),
    knownOriginalPaths(deps.db, jobIds),
  ]);
  const known = new Set([...originals, ...[...results].flatMap((path) => [path, deps.store.thumbnailPathOf(path)])]);
  return paths.filter((path) => {
    const jobId = JOB_ID.exec(path)?.[0] ?? '';
    return path.startsWith('payloads/') ? !payloads.has(jobId) : !known.has(path);
  });
}
