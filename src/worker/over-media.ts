/** Pictures that are over: under links whose time has come or whose job is final, and templates that nobody can need. */
import { orphanAgeMs } from '../domain/deadlines.ts';
import {
  countDisposableTemplates,
  countOverMedia,
  deleteOldMedia,
  deleteTemplates,
  type FileOfRow,
  findDisposableTemplates,
  findOverMedia,
  forgetMediaFiles,
} from '../repositories/media-retention.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';

/** Removes the files of media objects that are over; their links go on answering 410. @returns how many are gone. */
export const removeOverMedia = (
  deps: CleanUpDeps,
  { expiredBy, signal }: Pick<CleanUpOptions, 'expiredBy' | 'signal'> = {},
): Promise<number> =>
  removeFiles(deps, signal, {
    find: (stuck) => findOverMedia(deps.db, stuck, expiredBy),
    forget: (ids) => forgetMediaFiles(deps.db, ids),
  });

/** The same, and what is left of links whose jobs' rows would be gone by now. @returns how many files are gone, or would be. */
export async function removeMediaObjects(deps: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  if (options.isDryRun) return countOverMedia(deps.db, options.expiredBy);
  const removed = await removeOverMedia(deps, options);
  await deleteOldMedia(deps.db, options.jobRowDays);
  return removed;
}

/**
 * Removes deleted templates once no job can need them: none that is unfinished names them, and an upload that read the slot
 * before the deletion is over. @returns how many are gone, or would be.
 */
export async function removeDeletedTemplates(deps: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  const ageMs = orphanAgeMs(options.windowMsMax);
  if (options.isDryRun) return countDisposableTemplates(deps.db, ageMs);
  return removeFiles(deps, options.signal, {
    find: (stuck) => findDisposableTemplates(deps.db, ageMs, stuck),
    forget: (ids) => deleteTemplates(deps.db, ids),
  });
}

interface Rows {
  /** Some of the rows that are over, but for those that could not be removed. */
  readonly find: (stuck: readonly string[]) => Promise<FileOfRow[]>;
  readonly forget: (ids: readonly string[]) => Promise<void>;
}

async function removeFiles(deps: CleanUpDeps, signal: AbortSignal | undefined, rows: Rows): Promise<number> {
  const stuck: string[] = [];
  let removed = 0;
  while (!signal?.aborted) {
    const over = await rows.find(stuck);
    if (over.length === 0) break;
    const gone: string[] = [];
    for (const { id, path } of over) {
      if (signal?.aborted) break;
      try {
        await deps.store.remove(path);
        gone.push(id);
      } catch (error) {
        // its link is over all the same, and the next turn tries again
        deps.log.warn({ media_id: id, err: error }, 'picture that is over not removed');
        stuck.push(id);
      }
    }
    await rows.forget(gone);
    removed += gone.length;
  }
  return removed;
}
