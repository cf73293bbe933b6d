/** Pictures under short-lived public links. All points in time are the database's. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';
import type { Step } from './transaction.ts';

/** A picture to be put under a link. */
export interface NewMediaObject {
  readonly id: string;
  readonly jobId: string | undefined;
  /** Relative to the media root. */
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly createdBy: string;
}

/** How many links there are; every process counts the same. */
export interface MediaLoad {
  readonly live: number;
  readonly ofLastMinute: number;
  /** Until the next live link ends, and until the oldest of the last minute leaves it. */
  readonly nextEndSeconds: number;
  readonly nextMinuteSeconds: number;
}

/** Counts the links; a transaction that then adds one locks first, so that a cap is exact. */
export async function findMediaLoad(db: Step, isLocked = false): Promise<MediaLoad> {
  if (isLocked) await sql`select pg_advisory_xact_lock(hashtext('photochanger:media-object'))`.execute(db.kysely);
  const { rows } = await sql<{ live: number; minute: number; next_end: number | null; next_minute: number | null }>`
    with live as (select min(expires_at) as next_end, count(*)::int as live from media_object where path is not null and expires_at > now()),
    minute as (select min(created_at) as oldest, count(*)::int as minute from media_object where created_at > now() - interval '1 minute')
    select live, minute, extract(epoch from next_end - now())::float8 as next_end,
      60 - extract(epoch from now() - oldest)::float8 as next_minute from live, minute`.execute(db.kysely);
  const row = rows[0];
  return {
    live: row?.live ?? 0,
    ofLastMinute: row?.minute ?? 0,
    nextEndSeconds: row?.next_end ?? 0,
    nextMinuteSeconds: row?.next_minute ?? 0,
  };
}

/**
 * Puts a picture under a link that ends with its job, or after the window where it has none. Of a job the link lives at most as
 * long as the job's own window, counted from now.
 *
 * @returns when the link ends; undefined when the job is unknown, final, or its window is over.
 */
export async function insertMediaObject(db: Step, media: NewMediaObject, windowMs: number): Promise<Date | undefined> {
  const { rows } = await sql<{ expires_at: Date }>`
    with born as (select clock_timestamp()::timestamptz(3) as at),
    life as (
      select at, at + ${windowMs} * interval '1 millisecond' as ends from born where ${media.jobId ?? null}::uuid is null
      union all
      select at, least(j.expires_at, at + (j.expires_at - j.created_at)) from born, job j
        where j.id = ${media.jobId ?? null}::uuid and not j.is_finalized and j.expires_at > at
    )
    insert into media_object (id, job_id, path, mime_type, size_bytes, checksum, created_by, created_at, expires_at)
    select ${media.id}, ${media.jobId ?? null}::uuid, ${media.path}, ${media.mimeType}, ${media.sizeBytes}, ${media.sha256},
      ${media.createdBy}, at, ends from life
    returning expires_at`.execute(db.kysely);
  return rows[0]?.expires_at;
}

/** What a link stands for. */
export interface MediaRecord {
  /** Null once the file is gone. */
  readonly path: string | null;
  readonly mimeType: string;
  readonly expiresAt: Date;
  /** The job that it was made for is final: what it needed goes with it. */
  readonly isJobFinal: boolean;
  /** The database's time when the row was read. */
  readonly readAt: Date;
}

/** A link, also when it is over. @param id must be a UUID. */
export async function findMediaObject(db: Db, id: string): Promise<MediaRecord | undefined> {
  const { rows } = await sql<{
    path: string | null;
    mime_type: string;
    expires_at: Date;
    is_job_final: boolean;
    read_at: Date;
  }>`
    select m.path, m.mime_type, m.expires_at, clock_timestamp() as read_at,
      m.job_id is not null and not exists (select from job j where j.id = m.job_id and not j.is_finalized) as is_job_final
    from media_object m where m.id = ${id}`.execute(db.kysely);
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    path: row.path,
    mimeType: row.mime_type,
    expiresAt: row.expires_at,
    isJobFinal: row.is_job_final,
    readAt: row.read_at,
  };
}

/** Whether a job can still be given media: `unknown` and `final` are why not. @param jobId must be a UUID. */
export async function findJobForMedia(db: Step, jobId: string): Promise<'open' | 'final' | 'unknown'> {
  const row = await db.kysely
    .selectFrom('job')
    .select(sql<boolean>`is_finalized or expires_at <= now()`.as('is_over'))
    .where('id', '=', jobId)
    .executeTakeFirst();
  if (row === undefined) return 'unknown';
  return row.is_over ? 'final' : 'open';
}
