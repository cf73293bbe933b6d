/** Deleting rows that are kept long, and go then. Each statement takes a bounded bite and may run again at once. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';

const BATCH = 500;

/** How many job rows `deleteOldJobs` would delete once the expired results are gone. */
export async function countOldJobs(db: Db, days: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from job where is_finalized and finalized_at < now() - ${days} * interval '1 day'
      and finalized_at < (select rolled_until from tally_mark) and (result_file_path is null or result_expires_at <= now())`.execute(
    db.kysely,
  );
  return rows[0]?.count ?? 0;
}

/** Deletes audit events more than `days` old, and purges that ended so long ago. @returns how many events. */
export async function deleteOldAuditEvents(db: Db, days: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with purges as (delete from media_purge where finished_at < now() - ${days} * interval '1 day'),
    gone as (delete from audit_event where id in (
      select id from audit_event where occurred_at < now() - ${days} * interval '1 day' order by occurred_at limit ${BATCH}
    ) returning 1)
    select count(*)::int as count from gone`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

/** How many {@link deleteOldAuditEvents} would delete. */
export async function countOldAuditEvents(db: Db, days: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from audit_event where occurred_at < now() - ${days} * interval '1 day'`.execute(
    db.kysely,
  );
  return rows[0]?.count ?? 0;
}
