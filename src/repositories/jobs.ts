/** Reading jobs and their results. */
import { sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { FailureReason } from '../domain/job.ts';

/** The end of a job, as far as it has one. */
export interface JobOutcome {
  readonly isFinalized: boolean;
  readonly failureReason: FailureReason | null;
  readonly failureMessage: string | null;
  readonly expiresAt: Date;
  readonly resultPath: string | null;
  readonly resultMimeType: string | null;
  readonly resultProviderId: string | null;
  /** Which link of the chain it is at, or ended at. */
  readonly linkNo: number;
}

interface OutcomeRow {
  is_finalized: boolean;
  failure_reason: FailureReason | null;
  failure_message: string | null;
  expires_at: Date;
  result_file_path: string | null;
  result_mime_type: string | null;
  result_provider_id: string | null;
  link_no: number;
}

/** What the row says now. */
export async function findJobOutcome(db: Db, jobId: string): Promise<JobOutcome | undefined> {
  const rows = await runNamed<OutcomeRow>(db, {
    name: 'job_outcome',
    text: `select is_finalized, failure_reason, failure_message, expires_at, result_file_path, result_mime_type, result_provider_id, link_no
      from job where id = $1`,
    values: [jobId],
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    isFinalized: row.is_finalized,
    failureReason: row.failure_reason,
    failureMessage: row.failure_message,
    expiresAt: row.expires_at,
    resultPath: row.result_file_path,
    resultMimeType: row.result_mime_type,
    resultProviderId: row.result_provider_id,
    linkNo: row.link_no,
  };
}

/** What a row says of its result. */
export interface ResultRecord {
  readonly path: string | null;
  readonly mimeType: string;
  readonly sha256: string;
  readonly finalizedAt: Date;
  readonly expiresAt: Date;
  /** The database's time when the row was read: the clock that decides whether the link is over. */
  readonly readAt: Date;
}

/** A successful job's result; undefined for an unknown, unfinished or failed job. */
export async function findResult(db: Db, jobId: string): Promise<ResultRecord | undefined> {
  const row = await db.kysely
    .selectFrom('job')
    .select(['result_file_path', 'result_mime_type', 'result_checksum', 'finalized_at', 'result_expires_at'])
    .select(sql<Date>`clock_timestamp()`.as('read_at'))
    .where('id', '=', jobId)
    .where('result_expires_at', 'is not', null)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    path: row.result_file_path,
    mimeType: row.result_mime_type as string,
    sha256: row.result_checksum as string,
    finalizedAt: row.finalized_at as Date,
    expiresAt: row.result_expires_at as Date,
    readAt: row.read_at,
  };
}

/** Which of the jobs exist and still own their payload: their files are not orphans. */
export async function jobsWithPayload(db: Db, jobIds: readonly string[]): Promise<Set<string>> {
  if (jobIds.length === 0) return new Set();
  const rows = await db.kysely
    .selectFrom('job')
    .select('id')
    .where('id', 'in', jobIds)
    .where('payload_path', 'is not', null)
    .execute();
  return new Set(rows.map((row) => row.id));
}

/** The result files that rows still name, among the given paths. */
export async function knownResultPaths(db: Db, jobIds: readonly string[]): Promise<Set<string>> {
  if (jobIds.length === 0) return new Set();
  const rows = await db.kysely
    .selectFrom('job')
    .select('result_file_path')
    .where('id', 'in', jobIds)
    .where('result_file_path', 'is not', null)
    .execute();
  return new Set(rows.map((row) => row.result_file_path as string));
}
