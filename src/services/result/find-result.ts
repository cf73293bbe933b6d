import type { Db } from '../../db/db.ts';
import { resultLinkState } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import type { MediaStore } from '../../media/store.ts';
import { findResult, type ResultRecord } from '../../repositories/jobs.ts';
import { needDatabase } from '../database-fault.ts';

/** Where results are found. */
export interface ResultDeps {
  readonly db: Db;
  readonly store: MediaStore;
}

type OpenedFile = NonNullable<Awaited<ReturnType<MediaStore['openFile']>>>;

/** A live result. */
export interface FoundResult {
  readonly jobId: string;
  /** Open. */
  readonly file: OpenedFile;
  readonly mimeType: string;
  readonly sha256: string;
  readonly finalizedAt: Date;
  readonly expiresAt: Date;
  /** Until the link ends, in seconds, by the database's clock. */
  readonly leftSeconds: number;
}

const JOB_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Opens a job's public result. The caller closes the file.
 *
 * @throws DomainError `result_not_found` (unknown, unfinished or failed job), `result_expired` (over, or deleted).
 */
export async function openResult(
  deps: ResultDeps,
  jobId: string,
  which: 'picture' | 'thumbnail',
): Promise<FoundResult> {
  const record = JOB_ID.test(jobId) ? await needDatabase(findResult(deps.db, jobId.toLowerCase())) : undefined;
  const state = resultLinkState(
    record && { expiresAt: record.expiresAt, isStored: record.path !== null },
    record?.readAt ?? new Date(0),
  );
  if (state === 'unknown' || record === undefined)
    throw new DomainError('result_not_found', 'There is no result under this link.');
  if (state === 'gone') throw resultExpired(record);
  const path = record.path as string;
  const file = await deps.store.openFile(which === 'picture' ? path : deps.store.thumbnailPathOf(path));
  if (file === undefined) throw resultExpired(record);
  return {
    jobId,
    file,
    mimeType: which === 'picture' ? record.mimeType : 'image/jpeg',
    sha256: record.sha256,
    finalizedAt: record.finalizedAt,
    expiresAt: record.expiresAt,
    leftSeconds: Math.max(0, Math.floor((record.expiresAt.getTime() - record.readAt.getTime()) / 1000)),
  };
}

const resultExpired = (record: ResultRecord) =>
  new DomainError('result_expired', 'This result is no longer kept.', {
    details: { expired_at: record.expiresAt.toISOString() },
  });
