/** A witness inside a test's database: it writes down every step of every job, with the database's own time. */
import type { Db } from '../../src/db/db.ts';

const WITNESS = `
create table audit (
  seq bigint generated always as identity, at timestamptz not null default clock_timestamp(), job_id uuid, provider_id text,
  was_running boolean, is_running boolean, was_final boolean, is_final boolean
);
create function audit_job() returns trigger language plpgsql as $$
begin
  insert into audit (job_id, provider_id, was_running, is_running, was_final, is_final)
  values (new.id, new.provider_id, coalesce(old.status = 'processing' and not old.is_finalized, false),
    new.status = 'processing' and not new.is_finalized, coalesce(old.is_finalized, false), new.is_finalized);
  return null;
end $$;
create trigger audit_job after insert or update on job for each row execute function audit_job();
`;

/** Begins to watch. */
export async function installAudit(db: Db): Promise<void> {
  await db.pool.query(WITNESS);
}

/**
 * The most jobs that ran in a lane at once. A place counts as given back when the row changed, which is before anyone else could
 * see it, so a lane that never oversteps its limit never shows more than it.
 */
export async function peakOf(db: Db, providerId: string): Promise<number> {
  const { rows } = await db.pool.query<{ peak: number }>(
    `select max(running)::int as peak from (
       select sum(is_running::int - was_running::int) over (order by at, seq) as running from audit where provider_id = $1) as steps`,
    [providerId],
  );
  return rows[0]?.peak ?? 0;
}

/** The jobs whose rows became final more than once, or changed afterwards. */
export async function disturbedJobs(db: Db): Promise<string[]> {
  const { rows } = await db.pool.query<{ job_id: string }>(
    `select job_id from audit group by job_id having count(*) filter (where is_final and not was_final) <> 1 or bool_or(was_final)`,
  );
  return rows.map(({ job_id }) => job_id);
}
