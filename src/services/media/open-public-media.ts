import { resultLinkState } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import type { PictureBytes } from '../../media/picture.ts';
import { findMediaObject, type MediaRecord } from '../../repositories/media-objects.ts';
import { needDatabase } from '../database-fault.ts';
import type { MediaDeps } from './media-deps.ts';

/** A live public picture, ready to be sent. */
export interface PublicMedia {
  readonly mimeType: string;
  readonly expiresAt: Date;
  /** Until the link ends, in seconds, by the database's clock. */
  readonly leftSeconds: number;
  /** Open; whoever sends it closes it. */
  readonly file: PictureBytes;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Opens the picture under a public link. A link is over at its time, and as soon as the job that it was made for is final.
 *
 * @throws DomainError `rate_limited`, `not_found` (there never was such a link), `media_link_expired`.
 */
export async function openPublicMedia(
  deps: Pick<MediaDeps, 'db' | 'store' | 'throttle'>,
  request: { readonly id: string; readonly clientAddress: string },
): Promise<PublicMedia> {
  await deps.throttle.take(request.clientAddress);
  const record = UUID.test(request.id) ? await needDatabase(findMediaObject(deps.db, request.id)) : undefined;
  const state = resultLinkState(
    record && { expiresAt: record.expiresAt, isStored: record.path !== null && !record.isJobFinal },
    record?.readAt ?? new Date(0),
  );
  if (state === 'unknown' || record === undefined)
    throw new DomainError('not_found', 'There is no picture under this link.');
  if (state === 'gone') throw linkExpired(record);
  const found = await deps.store.openFile(record.path as string);
  if (found === undefined) throw linkExpired(record);
  return {
    mimeType: record.mimeType,
    expiresAt: record.expiresAt,
    leftSeconds: Math.max(0, Math.floor((record.expiresAt.getTime() - record.readAt.getTime()) / 1000)),
    file: { kind: 'file', handle: found.handle, offset: 0, sizeBytes: found.sizeBytes },
  };
}

const linkExpired = ({ expiresAt }: MediaRecord) =>
  new DomainError('media_link_expired', 'This link is over.', { details: { expired_at: expiresAt.toISOString() } });
