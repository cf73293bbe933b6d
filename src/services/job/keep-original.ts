/** Keeping the photo of a job beyond the job's end, where its slot says so. */
import { enqueueKeeping } from '../../repositories/job-originals.ts';
import { type EnqueueDeps, type Enqueued, enqueuePhoto, type PhotoToEnqueue } from './enqueue-photo.ts';
import type { IngestDeps } from './ingest-deps.ts';
import type { ResponseWindow } from './response-window.ts';

/** What keeping needs. */
export type KeepDeps = EnqueueDeps & Pick<IngestDeps, 'store' | 'log'>;

/**
 * As `enqueuePhoto`, and the photo stays below `originals/` for as long as its slot says, counted from the job's creation. The file
 * comes first, then both rows at once: a crash in between leaves a file that the sweep for orphans finds. A file that cannot be
 * kept is a line in the log and no reason to refuse the photo.
 *
 * @throws as `enqueuePhoto`; then the original is gone, too.
 */
export async function enqueueWithOriginal(
  deps: KeepDeps,
  jobId: string,
  photo: PhotoToEnqueue,
  window: Pick<ResponseWindow, 'elapsedMs' | 'windowMs'>,
): Promise<Enqueued> {
  const path = await keepFile(deps, jobId, photo.payloadPath);
  if (path === undefined) return enqueuePhoto(deps, jobId, photo, window);
  const original = { path, lifetime: { hours: photo.slot.keepOriginalHours } };
  try {
    const enqueued = await enqueuePhoto(deps, jobId, photo, window, (job) => enqueueKeeping(deps.db, job, original));
    if (enqueued.outcome === 'joined') await dropOriginal(deps, jobId, path);
    return enqueued;
  } catch (error) {
    await dropOriginal(deps, jobId, path);
    throw error;
  }
}

/** Lets the payload lie below `originals/`, too. @returns where; nothing when that cannot be done now. */
export async function keepFile(
  { store, log }: Pick<KeepDeps, 'store' | 'log'>,
  jobId: string,
  payloadPath: string,
): Promise<string | undefined> {
  try {
    return await store.keepOriginal(jobId, payloadPath, new Date());
  } catch (error) {
    log.warn({ job_id: jobId, err: error }, 'original not kept');
    return undefined;
  }
}

/** Removes the file of an original that no row names. */
export async function dropOriginal(
  { store, log }: Pick<KeepDeps, 'store' | 'log'>,
  jobId: string,
  path: string,
): Promise<void> {
  await store
    .removeOriginal(path)
    .catch((error: unknown) => log.warn({ job_id: jobId, err: error }, 'original not removed'));
}
