/** What of templates and media objects is over. Each statement takes a bounded bite and may run again at once. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';

const BATCH = 500;

/** A row and the file it names, below the media root. */
export interface FileOfRow {
  readonly id: string;
  readonly path: string;
}

/**
 * Ends unfinished jobs that have a link which is over: they become `timeout`. Exactly once, as every end of a job.
 *
 * @returns the jobs that this call ended, with their photos.
 */
export async function endJobsOfExpiredMedia(
  db: Db,
): Promise<{ id: string; providerId: string; payloadPath: string | null }[]> {
  const { rows } = await sql<{ id: string; provider_id: string; payload_path: string | null }>`
    with over as materialized (
      select j.id, j.provider_id, j.payload_path from job j where not j.is_finalized and j.id in (
        select m.job_id from media_object m where m.path is not null and m.expires_at <= now())
      for no key update skip locked
    )
    select id, provider_id, payload_path from over where job_end(id, 'timeout', 'a public link of the job was over', false)`.execute(
    db.kysely,
  );
  return rows.map((row) => ({ id: row.id, providerId: row.provider_id, payloadPath: row.payload_path }));
}

const isOver = (expiredBy: Date | undefined) => sql`(m.path is not null and (m.expires_at <= ${expiredBy ?? sql`now()`}
  or (m.job_id is not null and not exists (select from job j where j.id = m.job_id and not j.is_finalized))))`;

/** Media objects that still have a file although their link is over or their job is final, but for those given. */
export async function findOverMedia(db: Db, except: readonly string[] = [], expiredBy?: Date): Promise<FileOfRow[]> {
  const { rows } = await sql<FileOfRow>`
    select m.id, m.path from media_object m where ${isOver(expiredBy)} and m.id <> all (${except}::uuid[])
    order by m.expires_at limit ${BATCH}`.execute(db.kysely);
  return rows;
}

/** How many media objects are over while rows still name their files. */
export async function countOverMedia(db: Db, expiredBy?: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from media_object m where ${isOver(expiredBy)}`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

/** Keeps of media objects only that they existed: their links answer that they are over. */
export async function forgetMediaFiles(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.kysely.updateTable('media_object').set({ path: null }).where('id', 'in', ids).execute();
}

/** Deletes what is left of media objects that ended more than `days` ago. @returns how many. */
export async function deleteOldMedia(db: Db, days: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with gone as (
      delete from media_object where id in (
        select id from media_object where path is null and expires_at < now() - ${days} * interval '1 day' limit ${BATCH})
      returning 1)
    select count(*)::int as count from gone`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

const isDisposable = (ageMs: number) => sql`(t.deleted_at < now() - ${ageMs} * interval '1 millisecond'
  and not exists (select from job j where not j.is_finalized
    and (jsonb_path_exists(j.snapshot, '$.templates.*.id ? (@ == $id)', jsonb_build_object('id', t.id))
      or jsonb_path_exists(j.snapshot, '$.links[*].templates.*.id ? (@ == $id)', jsonb_build_object('id', t.id)))))`;

/**
 * Deleted templates that no job can need any more: none that is unfinished names them, and whoever read the slot's settings
 * before the deletion has run out of time since.
 *
 * @param ageMs how long an upload that began before the deletion may still become a job.
 */
export async function findDisposableTemplates(
  db: Db,
  ageMs: number,
  except: readonly string[] = [],
): Promise<FileOfRow[]> {
  const { rows } = await sql<FileOfRow>`
    select t.id, t.path from template_media t where ${isDisposable(ageMs)} and t.id <> all (${except}::uuid[])
    order by t.deleted_at limit ${BATCH}`.execute(db.kysely);
  return rows;
}

/** How many deleted templates no job can need any more. */
export async function countDisposableTemplates(db: Db, ageMs: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from template_media t where ${isDisposable(ageMs)}`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

/** Deletes the rows of templates whose files are gone. */
export async function deleteTemplates(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.kysely.deleteFrom('template_media').where('id', 'in', ids).where('deleted_at', 'is not', null).execute();
}

/** Which of these paths a template, deleted or not, or a media object still names. */
export async function knownMediaPaths(db: Db, paths: readonly string[]): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  const { rows } = await sql<{ path: string }>`
    select path from template_media where path = any (${paths}::text[])
    union all select path from media_object where path = any (${paths}::text[])`.execute(db.kysely);
  return new Set(rows.map(({ path }) => path));
}
