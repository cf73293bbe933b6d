/** Deleting what its lifetime has ended. Each statement takes a bounded bite and may run again at once. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';

const BATCH = 500;

/** Results whose retention is over, but for those that could not be removed: their paths, which rows still name until {@link forgetResultFiles}. */
export async function findExpiredResults(
  db: Db,
  except: readonly string[] = [],
  expiredBy?: Date,
): Promise<{ jobId: string; path: string }[]> {
  const rows = await db.kysely
    .selectFrom('job')
    .select(['id', 'result_file_path'])
    .where('result_file_path', 'is not', null)
    .where('result_expires_at', '<=', expiredBy ?? sql<Date>`now()`)
    .$if(except.length > 0, (query) => query.where('id', 'not in', except))
    .orderBy('result_expires_at')
    .limit(BATCH)
    .execute();
  return rows.map((row) => ({ jobId: row.id, path: row.result_file_path as string }));
}

/** How many results' retention is over while rows still name their files. */
export async function countExpiredResults(db: Db, expiredBy?: Date): Promise<number> {
  const { count } = await db.kysely
    .selectFrom('job')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('result_file_path', 'is not', null)
    .where('result_expires_at', '<=', expiredBy ?? sql<Date>`now()`)
    .executeTakeFirstOrThrow();
  return count;
}

/** Clears the paths of results whose files are gone. The link answers 410 from then on as before. */
export async function forgetResultFiles(db: Db, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return;
  await db.kysely.updateTable('job').set({ result_file_path: null }).where('id', 'in', jobIds).execute();
}

/**
 * Deletes job rows finalised more than `days` ago, with their events; only what the tallies hold already, so that no figure changes
 * with it. @returns how many.
 */
export async function deleteOldJobs(db: Db, days: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with mark as materialized (select rolled_until from tally_mark for no key update),
    old as materialized (
      select id from job where is_finalized and result_file_path is null and finalized_at < now() - ${days} * interval '1 day'
        and finalized_at < (select rolled_until from mark)
      order by finalized_at limit ${BATCH}
    ), events as (delete from processing_log where job_id in (select id from old)),
    calls as (delete from provider_call where job_id in (select id from old)),
    gone as (delete from job where id in (select id from old) returning slot_id, status, failure_reason, finalized_at),
    fewer as (
      update job_kept k set jobs = k.jobs - g.jobs
      from (select week_of(finalized_at) as week, slot_id, status, failure_reason, count(*) as jobs from gone group by 1, 2, 3, 4) g
      where k.week = g.week and k.slot_id = g.slot_id and k.status = g.status and k.failure_reason is not distinct from g.failure_reason
    ),
    moved as (
      update tally_mark set deleted_until = greatest(deleted_until, (select max(finalized_at) from gone))
      where exists (select from gone)
    )
    select count(*)::int as count from gone`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

/**
 * Runs `work` while this process holds the clean-up lock, on a connection of its own.
 *
 * @returns undefined when another process is cleaning up.
 */
export async function withCleanupLock<T>(db: Db, work: () => Promise<T>): Promise<T | undefined> {
  return db.kysely.connection().execute(async (connection) => {
    const { rows } = await sql<{
      held: boolean;
    }>`select pg_try_advisory_lock(hashtext('photochanger:clean-up')) as held`.execute(connection);
    if (rows[0]?.held !== true) return undefined;
    try {
      return await work();
    } finally {
      await sql`select pg_advisory_unlock(hashtext('photochanger:clean-up'))`.execute(connection);
    }
  });
}
