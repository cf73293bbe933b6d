import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Originals of jobs, and what lists of jobs and results are read by.
 *
 * Every list index begins with the slot; a list over all slots merges the 15 of them, which reads no more rows than it shows and
 * saves a second set of indexes. They hold finished jobs only, so a job costs one entry in each, when it ends; the unfinished
 * are few and are read by `job_open`.
 */
export const jobLists: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create index job_list_created on job (slot_id, created_at, id) where is_finalized;
create index job_list_expires on job (slot_id, expires_at, id) where is_finalized;
create index job_list_failed_created on job (slot_id, failure_reason, created_at, id) include (status)
  where failure_reason is not null;
create index job_list_failed_expires on job (slot_id, failure_reason, expires_at, id) include (status)
  where failure_reason is not null;
create index job_list_waiting_created on job (slot_id, created_at, id) include (failure_reason)
  where is_finalized and status = 'pending';
create index job_list_waiting_expires on job (slot_id, expires_at, id) include (failure_reason)
  where is_finalized and status = 'pending';
create index job_live_result on job (slot_id, finalized_at, id) include (result_expires_at)
  where result_file_path is not null and not is_test;

-- no foreign key: it would be checked at every end of every job; an original ends long before its job's row
create table job_original (
  job_id     uuid primary key,
  path       text not null unique,
  mime_type  text not null,
  size_bytes int not null check (size_bytes > 0),
  sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  expires_at timestamptz(3) not null
);
create index job_original_expiry on job_original (expires_at);

-- job_enqueue for a photo whose original is kept (where p_path names one), until p_until or so many hours after the job's creation:
-- both rows or neither
create function job_enqueue_keeping(p_id uuid, p_slot text, p_providers text[], p_operation text, p_snapshot jsonb, p_metadata jsonb,
  p_payload text, p_elapsed_ms float8, p_window_ms float8, p_open_max int, p_worker uuid, p_lease_ms float8, p_terms jsonb,
  p_path text, p_hours float8, p_until timestamptz,
  out outcome text, out full_scope text, out left_ms float8, out claim_no int, out attempt_no int, out link_no int, out twin_id uuid,
  out is_final boolean, out why text, out wait_ms float8)
language plpgsql as $$
begin
  select * into outcome, full_scope, left_ms, claim_no, attempt_no, link_no, twin_id, is_final, why, wait_ms
  from job_enqueue(p_id, p_slot, p_providers, p_operation, p_snapshot, p_metadata, p_payload, p_elapsed_ms, p_window_ms, p_open_max,
    p_worker, p_lease_ms, p_terms);
  if p_path is not null and outcome in ('created', 'claimed') then
    insert into job_original (job_id, path, mime_type, size_bytes, sha256, expires_at)
    select j.id, p_path, p_snapshot #>> '{photo,mimeType}', (p_snapshot #>> '{photo,sizeBytes}')::int, p_snapshot #>> '{photo,sha256}',
      -- never longer than results are kept now, also where that was shortened after the slot was set up
      coalesce(p_until, j.created_at + interval '1 hour' * least(p_hours,
        (select (value #>> '{}')::float8 from platform_setting where key = 'processed_media_ttl_hours')))
    from job j where j.id = p_id;
  end if;
end $$;
`)
      .execute(db);
  },
};
