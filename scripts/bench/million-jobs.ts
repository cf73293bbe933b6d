/** A table as large as that of a busy studio after 60 days: for benchmarks of what reads jobs. */
import { sql } from 'kysely';
import type { Db } from '../../src/db/db.ts';

/** How the jobs are spread. */
export interface MillionJobs {
  readonly count?: number;
  readonly days?: number;
  /** The moment that the newest job has just ended at. */
  readonly until?: Date;
}

/**
 * Fills an empty `job` table with finished jobs, evenly over the days and the 15 slots: 95 % succeeded, 3 % timed out (one in five
 * without ever having been taken), 1.5 % failed, 0.5 % were cancelled (half of them while waiting). Results of the last 72 hours
 * still name their files, which do not exist. No events. Triggers do not fire. The table is vacuumed and analysed afterwards, as
 * the autovacuum of a running server does.
 */
export async function seedMillionJobs(
  { pool }: Pick<Db, 'pool'>,
  { count = 1_000_000, days = 60, until = new Date() }: MillionJobs = {},
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    await client.query('set local synchronous_commit = off');
    await client.query(`set local maintenance_work_mem = '256MB'`);
    await client.query('select setseed(0.42)');
    const { rows } = await client.query<{ name: string; definition: string }>(INDEXES);
    for (const { name } of rows) await client.query(`drop index ${name}`);
    await client.query(INSERT, [count, days, until]);
    for (const { definition } of rows) await client.query(definition);
    await client.query('commit');
    await client.query('vacuum (analyze) job');
    await client.query('reset statement_timeout');
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.release();
}

/** How many bytes the jobs take, rows and indexes. */
export async function jobTableBytes({ kysely }: Pick<Db, 'kysely'>): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`select pg_total_relation_size('job')::float8 as bytes`.execute(kysely);
  return rows[0]?.bytes ?? Number.NaN;
}

// built afresh at the end: several times faster than row by row
const INDEXES = `select indexname as name, indexdef as definition from pg_indexes
  where schemaname = current_schema() and tablename = 'job' and indexname <> 'job_pkey'`;

// `fate` decides the end: below 0.95 a picture, then timeouts, failures, cancellations
const INSERT = `
with drawn as materialized (
  select i, random() as fate, random() as wait, random() as work,
    'slot-' || lpad((1 + floor(random() * 15))::int::text, 3, '0') as slot_id,
    date_trunc('milliseconds', $3::timestamptz - ($1::int - i) * ($2::int * interval '1 day' / $1::int) - interval '1 minute') as created_at
  from generate_series(1, $1::int) i
), ended as (
  select *, created_at + interval '48 seconds' as expires_at,
    (fate >= 0.95 and fate < 0.956) or fate >= 0.9975 as is_waiting,
    case when fate < 0.95 then null when fate < 0.98 then 'timeout' when fate < 0.995 then 'provider_error' else 'cancelled' end as reason,
    date_trunc('milliseconds', created_at + wait * interval '500 milliseconds' + interval '200 milliseconds') as started_at
  from drawn
), timed as (
  select *, case when reason = 'timeout' then expires_at
    else date_trunc('milliseconds', started_at + interval '3 seconds' + work * interval '20 seconds') end as finalized_at
  from ended
)
insert into job (id, slot_id, provider_id, operation_id, snapshot, metadata, status, is_finalized, failure_reason, failure_message,
  claim_no, attempt_no, result_file_path, result_mime_type, result_size_bytes, result_checksum, result_provider_id, result_expires_at,
  created_at, expires_at, started_at, updated_at, finalized_at)
select uuidv7(created_at - clock_timestamp()) as id, slot_id, case when i % 4 = 0 then 'studio' else 'gemini' end,
  case when i % 4 = 0 then 'filter' else 'image_edit' end,
  jsonb_build_object('settings', jsonb_build_object('prompt', 'Turn the guests into heroes of a comic, keep every face as it is.'),
    'photo', jsonb_build_object('mimeType', 'image/jpeg', 'sizeBytes', 3000000 + i, 'sha256', md5(i::text) || md5((-i)::text))),
  jsonb_build_object('time', extract(epoch from created_at)::bigint::text, 'id', '012345678901_' || lpad(i::text, 8, '0') || '.',
    'name', 'BOOTH-' || i % 7, 'model', 'Windows', 'version', '3.30.2'),
  case when is_waiting then 'pending' else 'processing' end, true, reason,
  case reason when 'timeout' then 'the response window closed' when 'provider_error' then 'HTTP 503: overloaded (all attempts are used up)'
    when 'cancelled' then 'an operator cancelled it' end,
  case when is_waiting then 0 else 1 end, case when is_waiting then 0 else 1 + floor(work * 1.2)::int end,
  case when reason is null and finalized_at > $3::timestamptz - interval '72 hours'
    then 'results/' || to_char(finalized_at at time zone 'UTC', 'YYYY-MM-DD') || '/' || i || '.jpg' end,
  case when reason is null then 'image/jpeg' end, case when reason is null then 1500000 + i end,
  case when reason is null then md5(i::text) || md5(i::text) end,
  case when reason is null then case when i % 4 = 0 then 'studio' else 'gemini' end end,
  case when reason is null then finalized_at + interval '72 hours' end,
  created_at, expires_at, case when not is_waiting then started_at end, finalized_at, finalized_at
from timed`;
