import type { Db } from '../../db/db.ts';
import { FILE_EXTENSION, type ImageMimeType } from '../../domain/images.ts';
import type { PictureBytes } from '../../media/picture.ts';
import type { MediaStore } from '../../media/store.ts';
import { findJobWithOriginal } from '../../repositories/job-originals.ts';
import { needDatabase } from '../database-fault.ts';
import { jobNotFound, originalGone } from './job-faults.ts';
import { readJobId } from './job-id.ts';

/** What reading an original needs. */
export interface OriginalDeps {
  readonly db: Db;
  readonly store: Pick<MediaStore, 'openFile'>;
}

/** A kept photo, ready to be sent. */
export interface OpenedOriginal {
  readonly mimeType: ImageMimeType;
  readonly fileName: string;
  readonly expiresAt: Date;
  /** Open; whoever sends it closes it. */
  readonly file: PictureBytes;
}

/**
 * Opens the photo that a job was made from.
 *
 * @throws DomainError `not_found`, `original_expired` (not kept, or no longer), `queue_unavailable`, `storage_unavailable`.
 */
export async function getOriginal({ db, store }: OriginalDeps, id: string): Promise<OpenedOriginal> {
  const jobId = readJobId(id);
  const job = jobId === undefined ? undefined : await needDatabase(findJobWithOriginal(db, jobId));
  if (job === undefined) throw jobNotFound();
  const file = job.original && (await store.openFile(job.original.path));
  if (job.original === undefined || file === undefined) throw originalGone();
  const mimeType = job.original.mimeType as ImageMimeType;
  return {
    mimeType,
    fileName: `${jobId}-original.${FILE_EXTENSION[mimeType]}`,
    expiresAt: job.original.expiresAt,
    file: { kind: 'file', handle: file.handle, offset: 0, sizeBytes: file.sizeBytes },
  };
}
