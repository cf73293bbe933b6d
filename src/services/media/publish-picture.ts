import type { Db } from '../../db/db.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ResultMimeType } from '../../domain/images.ts';
import { UnacceptableImageError } from '../../domain/unacceptable-image.ts';
import type { StripPicture } from '../../media/picture.ts';
import type { MediaStore } from '../../media/store.ts';
import type { SourceImage } from '../../providers/provider.ts';
import { insertMediaObject } from '../../repositories/media-objects.ts';
import { KEPT_TYPES, keepPicture } from './receive-picture.ts';

/** What publishing needs. */
export interface PublishDeps {
  readonly db: Db;
  readonly store: MediaStore;
  readonly stripPicture: StripPicture;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
  readonly imagePixelsMax: number;
}

/** Puts an image of a job under a public link; see {@link publishPicture}. @returns the absolute URL. */
export type PublishPicture = (jobId: string, image: SourceImage) => Promise<string>;

/** Who made a link that nobody asked for; no administrator's name has a space. */
const CREATED_BY = 'the worker';

/**
 * Puts a copy of an image under a public link that nobody can guess: upright and without its metadata, as a stranger fetches it and
 * a photo says where it was taken. The link ends with the job, at once when that is final, and never lives longer than the job's own
 * window; the sweep removes the copy. The caps for administrators do not count here: a job has few images, and jobs are capped.
 *
 * @throws UnacceptableImageError when the image cannot be stripped; DomainError `job_final`, `storage_unavailable`; the database's
 * error. No file is left then.
 */
export async function publishPicture(deps: PublishDeps, jobId: string, image: SourceImage): Promise<string> {
  const { path, mimeType } = image;
  if (!KEPT_TYPES.includes(mimeType)) throw new UnacceptableImageError(`A picture of ${mimeType} is not published.`);
  const picture = await deps.stripPicture(path, mimeType as ResultMimeType, { pixelsMax: deps.imagePixelsMax });
  return keepPicture(deps, 'public', picture, async (kept) => {
    const expiresAt = await insertMediaObject(deps.db, { ...kept, jobId, createdBy: CREATED_BY }, 0);
    if (expiresAt === undefined)
      throw new DomainError('job_final', 'The job is over: its pictures are not published any more.');
    return `${deps.publicBaseUrl()}/public/media/${kept.id}`;
  });
}
