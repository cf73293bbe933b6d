/** Photos that are kept beyond their jobs' end, for views of before and after, and for reruns. */
import { sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { JobSnapshot } from '../domain/job.ts';
import {
  type EnqueueOutcome,
  type EnqueueRow,
  enqueueArguments,
  type NewJob,
  toEnqueueOutcome,
} from './enqueue-job.ts';
import type { Step } from './transaction.ts';

const BATCH = 500;

/** A file that is to be kept, and for how long. */
export interface OriginalToKeep {
  /** Relative to the media root. */
  readonly path: string;
  /** Counted from the job's creation; `until` is for an original that another one goes on in. */
  readonly lifetime: { readonly hours: number } | { readonly until: Date };
}

/** As `enqueueJob`; where the job is accepted, so is its original, in the same statement. */
export async function enqueueKeeping(db: Db, job: NewJob, original: OriginalToKeep): Promise<EnqueueOutcome> {
  const rows = await runNamed<EnqueueRow>(db, {
    name: 'job_enqueue_keeping',
    text: 'select * from job_enqueue_keeping($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)',
    values: [...enqueueArguments(job), ...originalArguments(original)],
  });
  return toEnqueueOutcome(rows[0] as EnqueueRow);
}

/** As `enqueueJob`, within a transaction; with an original where one is given. */
export async function enqueueWithin(
  step: Step,
  job: NewJob,
  original: OriginalToKeep | undefined,
): Promise<EnqueueOutcome> {
  const values = [...enqueueArguments(job), ...originalArguments(original)];
  const { rows } = await sql<EnqueueRow>`select * from job_enqueue_keeping(${sql.join(values)})`.execute(step.kysely);
  return toEnqueueOutcome(rows[0] as EnqueueRow);
}

const originalArguments = (original: OriginalToKeep | undefined): unknown[] => [
  original?.path ?? null,
  original !== undefined && 'hours' in original.lifetime ? original.lifetime.hours : null,
  original !== undefined && 'until' in original.lifetime ? original.lifetime.until : null,
];

/** An original that is kept. */
export interface KeptOriginal {
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly expiresAt: Date;
}

/** A job as far as a rerun, or a look at its original, needs it. */
export interface JobWithOriginal {
  readonly slotId: string;
  /** The provider that the job was meant for, whoever made its picture. */
  readonly providerId: string;
  readonly operationId: string;
  readonly snapshot: JobSnapshot;
  readonly metadata: Readonly<Record<string, string>>;
  readonly isFinalized: boolean;
  /** Undefined where none was kept, or its time is over. */
  readonly original: KeptOriginal | undefined;
}

/** The job and its original; undefined when there is no such job. */
export async function findJobWithOriginal(db: Pick<Db, 'kysely'>, jobId: string): Promise<JobWithOriginal | undefined> {
  const row = await db.kysely
    .selectFrom('job as j')
    .leftJoin('job_original as o', (join) =>
      join.onRef('o.job_id', '=', 'j.id').on('o.expires_at', '>', sql<Date>`clock_timestamp()`),
    )
    .select(['j.slot_id', 'j.operation_id', 'j.snapshot', 'j.metadata', 'j.is_finalized'])
    .select(['o.path', 'o.mime_type', 'o.size_bytes', 'o.sha256', 'o.expires_at'])
    // a fallback moves the row to another provider
    .select(sql<string>`coalesce(j.snapshot ->> 'providerId', j.provider_id)`.as('provider_id'))
    .where('j.id', '=', jobId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    slotId: row.slot_id,
    providerId: row.provider_id,
    operationId: row.operation_id,
    snapshot: row.snapshot as unknown as JobSnapshot,
    metadata: row.metadata as Record<string, string>,
    isFinalized: row.is_finalized,
    original:
      row.path === null
        ? undefined
        : {
            path: row.path,
            mimeType: row.mime_type as string,
            sizeBytes: row.size_bytes as number,
            sha256: row.sha256 as string,
            expiresAt: row.expires_at as Date,
          },
  };
}

/** The files of originals that rows name, among those of the given jobs. */
export async function knownOriginalPaths(db: Pick<Db, 'kysely'>, jobIds: readonly string[]): Promise<Set<string>> {
  if (jobIds.length === 0) return new Set();
  const rows = await db.kysely.selectFrom('job_original').select('path').where('job_id', 'in', jobIds).execute();
  return new Set(rows.map((row) => row.path));
}

/** Originals whose time is over, but for those that could not be removed. */
export async function findExpiredOriginals(
  db: Pick<Db, 'kysely'>,
  except: readonly string[] = [],
  expiredBy?: Date,
): Promise<{ jobId: string; path: string }[]> {
  const rows = await db.kysely
    .selectFrom('job_original')
    .select(['job_id', 'path'])
    .where('expires_at', '<=', expiredBy ?? sql<Date>`now()`)
    .$if(except.length > 0, (query) => query.where('job_id', 'not in', except))
    .orderBy('expires_at')
    .limit(BATCH)
    .execute();
  return rows.map((row) => ({ jobId: row.job_id, path: row.path }));
}

/** How many originals' time is over. */
export async function countExpiredOriginals(db: Pick<Db, 'kysely'>, expiredBy?: Date): Promise<number> {
  const { count } = await db.kysely
    .selectFrom('job_original')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('expires_at', '<=', expiredBy ?? sql<Date>`now()`)
    .executeTakeFirstOrThrow();
  return count;
}

/** Forgets originals whose files are gone. */
export async function forgetOriginals(db: Pick<Db, 'kysely'>, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length > 0) await db.kysely.deleteFrom('job_original').where('job_id', 'in', jobIds).execute();
}
