import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * The job queue's tables, constraints, indexes and triggers.
 *
 * `admission` and `lane` hold *upper bounds* of what is open or running, never the exact figures: taking a place adds one under
 * the row's lock, finishing a job does not touch the row. Only when a bound reaches its limit is it counted afresh, under the
 * same lock, so every limit is exact while no finishing job ever waits for a shared row.
 */
export const queueTables: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table admission (
  scope      text primary key,
  open_max   int check (open_max > 0),
  open_bound int not null default 0
) with (fillfactor = 50);
insert into admission (scope) select 'all' union all select id from slot;

create table lane (
  provider_id      text primary key,
  running_max      int not null check (running_max > 0),
  running_bound    int not null default 0,
  open_max         int check (open_max > 0),
  open_bound       int not null default 0,
  calls_per_minute float8 check (calls_per_minute > 0),
  calls_burst      float8 not null default 10 check (calls_burst >= 1),
  tokens           float8 not null default 10,
  refilled_at      timestamptz not null default clock_timestamp(),
  calls_per_day    int check (calls_per_day > 0),
  day_calls        int not null default 0,
  day_ends_at      timestamptz,
  quota_zone       text not null default 'UTC',  -- whose midnight ends the service's day
  key_id           text not null default '',     -- which key is in force; a digest
  expected_ms      float8 not null default 5000, -- how long a slow call takes by the adapter's word
  usual_ms         float8,                       -- half of the latest calls took at most this; null: too few to say
  slow_ms          float8                        -- 19 of 20
) with (fillfactor = 50);

-- what calls with one key of one provider came to: whether calling it makes sense now. Closed: open_until is null. Open: until
-- open_until. Half open after it: one call at a time finds out.
create table circuit (
  provider_id     text not null,
  key_id          text not null,
  failures        int not null default 0,   -- in a row
  opens           int not null default 0,   -- in a row, without a success
  open_until      timestamptz,
  probe_until     timestamptz,              -- a call that finds out is under way: that of this job, as long as it is at it
  probe_job       uuid,
  probe_attempt   int,
  paused_until    timestamptz,              -- the service asked to wait
  exhausted_until timestamptz,              -- its quota is used up until then
  reason          text check (length(reason) <= 500),
  changed_at      timestamptz(3) not null default clock_timestamp(),
  primary key (provider_id, key_id)
) with (fillfactor = 50);

create table job (
  id                     uuid primary key,
  slot_id                text not null references slot (id),
  provider_id            text not null,
  operation_id           text not null,
  snapshot               jsonb not null,
  metadata               jsonb not null default '{}'::jsonb,
  status                 text not null default 'pending' check (status in ('pending', 'processing')),
  is_finalized           boolean not null default false,
  failure_reason         text check (failure_reason in ('timeout', 'provider_error', 'cancelled')),
  failure_message        text check (length(failure_message) <= 1024),
  claim_no               int not null default 0,
  claim_max              int not null default 3,
  attempt_no             int not null default 0,
  link_no                int not null default 0 check (link_no >= 0),
  chain                  text[] not null default '{}', -- the providers of the links after the first
  is_test                boolean not null default false,
  request_hash           bytea check (length(request_hash) = 32),
  idempotency_key        text check (length(idempotency_key) between 1 and 255),
  joined_no              int not null default 0, -- requests that wait for it besides the first
  worker_id              uuid,
  lease_until            timestamptz,
  provider_job_reference text,
  payload_path           text,
  result_file_path       text,
  result_mime_type       text,
  result_size_bytes      int check (result_size_bytes > 0),
  result_checksum        text check (result_checksum ~ '^[0-9a-f]{64}$'),
  result_provider_id     text,
  result_expires_at      timestamptz(3),
  created_at             timestamptz(3) not null,
  expires_at             timestamptz(3) not null check (expires_at > created_at),
  started_at             timestamptz(3),
  updated_at             timestamptz(3) not null default clock_timestamp(),
  finalized_at           timestamptz(3),
  constraint job_lease check ((worker_id is not null) = (status = 'processing' and not is_finalized)
    and (lease_until is not null) = (worker_id is not null)),
  constraint job_claim check ((status = 'pending' and (claim_no > 0) >= (started_at is not null)) or (status = 'processing' and claim_no > 0 and started_at is not null)),
  constraint job_final check (is_finalized = (finalized_at is not null) and (is_finalized or failure_reason is null)),
  constraint job_result check ((result_mime_type is not null) = (is_finalized and failure_reason is null)
    and (result_mime_type is not null) = (result_size_bytes is not null)
    and (result_mime_type is not null) = (result_checksum is not null)
    and (result_mime_type is not null) = (result_provider_id is not null)
    and (result_mime_type is not null) = (result_expires_at is not null)
    and (result_file_path is null or result_mime_type is not null)),
  constraint job_payload check (not is_finalized or payload_path is null)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);

-- lease_until, attempt_no and updated_at are in no index, so that heartbeats and attempts stay HOT updates
create index job_claimable on job (provider_id, slot_id, created_at, id) where status = 'pending' and not is_finalized;
create index job_processing on job (provider_id, slot_id) where status = 'processing' and not is_finalized;
create index job_open on job (expires_at) include (slot_id, provider_id) where not is_finalized;
create index job_finalized on job (finalized_at) where is_finalized;
-- a job that waits and could go on to another provider; in most installations few, in many none
create index job_reroutable on job (provider_id) where status = 'pending' and not is_finalized and link_no < cardinality(chain);
-- a job that was claimed before and waits for another worker; there are few
create index job_returned on job (provider_id) where status = 'pending' and not is_finalized and claim_no > 0;
create index job_same_request on job (request_hash) where not is_finalized and request_hash is not null;
create index job_idempotency on job (slot_id, idempotency_key) where idempotency_key is not null and failure_reason is null;
create index job_retention on job (result_expires_at) where result_file_path is not null;

create table processing_log (
  id                  uuid primary key default uuidv7(),
  job_id              uuid not null,
  slot_id             text not null,
  status              text not null check (status in ('received', 'dispatched', 'provider_responded', 'timeout', 'failed', 'succeeded')),
  occurred_at         timestamptz(3) not null default clock_timestamp(),
  message             text check (length(message) <= 1024),
  provider_latency_ms int check (provider_latency_ms >= 0),
  details             jsonb
) with (autovacuum_vacuum_insert_scale_factor = 0.2);
-- no foreign key: it would lock the job's row at every event; whoever deletes a job deletes its events
create index processing_log_job on processing_log (job_id, occurred_at);

-- the ledger: one row a call, written when it ended; a call that nobody saw the end of is added with the end of its job
create table provider_call (
  job_id      uuid not null,
  attempt_no  int not null,
  link_no     int not null,
  claim_no    int not null,
  slot_id     text not null,
  provider_id text not null,
  model       text not null default '*',
  outcome     text not null,
  charged     text not null check (charged in ('no', 'maybe', 'yes')),
  price       numeric(12, 6) check (price >= 0),
  latency_ms  int check (latency_ms >= 0),
  is_test     boolean not null default false,
  ended_at    timestamptz(3) not null default clock_timestamp(),
  primary key (job_id, attempt_no)
);
create index provider_call_slot on provider_call (slot_id, ended_at) include (charged, price, is_test);
create index provider_call_recent on provider_call (ended_at);

-- what one call costs by the price list; null: the list does not say
create function call_price(p_provider text, p_model text) returns numeric language sql stable as $$
  select (e ->> 'price')::numeric from platform_setting s cross join lateral jsonb_array_elements(s.value -> 'prices') e
  where s.key = 'pricing' and e ->> 'provider_id' = p_provider and e ->> 'model' in (p_model, '*')
  order by e ->> 'model' = '*' limit 1 $$;

-- which model the link of a job calls, as the price list names it
create function job_model(p_snapshot jsonb, p_link int) returns text language sql immutable as $$
  select coalesce(case when p_link = 0 then p_snapshot ->> 'model' else p_snapshot -> 'links' -> (p_link - 1) ->> 'model' end, '*') $$;

create function job_refuse() returns trigger language plpgsql as $$
declare allowed job := new;
begin
  allowed.result_file_path := old.result_file_path;
  if old.is_finalized and new.result_file_path is null and allowed is not distinct from old then
    return new; -- retention removed the file: the one change a finalised row may see
  end if;
  raise exception 'job % may not change from % to %', old.id,
    case when old.is_finalized then 'final' else old.status || ' claim ' || old.claim_no end,
    case when new.is_finalized then 'final' else new.status || ' claim ' || new.claim_no end using errcode = 'PC001';
end $$;
create trigger job_guard before update on job for each row
  when (old.is_finalized or new.attempt_no < old.attempt_no or new.link_no < old.link_no
    or new.claim_no <> old.claim_no + (old.status = 'pending' and new.status = 'processing')::int
    or (old.status = 'pending' and new.is_finalized and (new.failure_reason is null or new.failure_reason = 'provider_error')))
  execute function job_refuse();
-- what is fixed at creation; fires only for statements that name such a column, which none of ours do
create trigger job_fixed before update of id, slot_id, operation_id, snapshot, chain, metadata, is_test, request_hash, idempotency_key, created_at, expires_at on job for each row
  when ((new.id, new.slot_id, new.operation_id, new.snapshot, new.chain, new.metadata, new.is_test, new.request_hash, new.idempotency_key, new.created_at, new.expires_at)
    is distinct from (old.id, old.slot_id, old.operation_id, old.snapshot, old.chain, old.metadata, old.is_test, old.request_hash, old.idempotency_key, old.created_at, old.expires_at))
  execute function job_refuse();

create function job_log_insert() returns trigger language plpgsql as $$
begin
  if new.status = 'pending' then
    insert into processing_log (job_id, slot_id, status) values (new.id, new.slot_id, 'received');
    perform pg_notify('job_new', new.provider_id);
  else
    insert into processing_log (job_id, slot_id, status, details)
    values (new.id, new.slot_id, 'received', null),
      (new.id, new.slot_id, 'dispatched', jsonb_build_object('provider_id', new.provider_id, 'attempt_no', new.attempt_no, 'claim_no', new.claim_no, 'link_no', new.link_no));
  end if;
  return null;
end $$;
create trigger job_inserted after insert on job for each row execute function job_log_insert();

create function job_log_attempt() returns trigger language plpgsql as $$
begin
  insert into processing_log (job_id, slot_id, status, details)
  values (new.id, new.slot_id, 'dispatched', jsonb_build_object('provider_id', new.provider_id, 'attempt_no', new.attempt_no, 'claim_no', new.claim_no, 'link_no', new.link_no));
  return null;
end $$;
create trigger job_dispatched after update on job for each row
  when (new.attempt_no > old.attempt_no) execute function job_log_attempt();

create function job_notify_returned() returns trigger language plpgsql as $$
begin
  perform pg_notify('job_new', new.provider_id);
  return null;
end $$;
create trigger job_returned after update on job for each row
  when (new.status = 'pending' and not new.is_finalized and (old.status = 'processing' or old.provider_id <> new.provider_id)) execute function job_notify_returned();

create function job_log_final() returns trigger language plpgsql as $$
begin
  insert into processing_log (job_id, slot_id, status, message, details)
  values (new.id, new.slot_id,
    case when new.failure_reason is null then 'succeeded' when new.failure_reason = 'timeout' then 'timeout' else 'failed' end,
    new.failure_message,
    jsonb_strip_nulls(jsonb_build_object('failure_reason', new.failure_reason, 'provider_id', coalesce(new.result_provider_id, new.provider_id),
      'link_no', nullif(new.link_no, 0))));
  -- calls that nobody will tell the end of: perhaps charged
  if new.failure_reason is not null or new.claim_no > 1 then
    insert into provider_call (job_id, attempt_no, link_no, claim_no, slot_id, provider_id, model, outcome, charged, price, is_test)
    select d.job_id, (d.details ->> 'attempt_no')::int, coalesce((d.details ->> 'link_no')::int, 0), (d.details ->> 'claim_no')::int,
      d.slot_id, d.details ->> 'provider_id', m.model, 'unknown', case when d.details ->> 'provider_id' = 'studio' then 'no' else 'maybe' end,
      call_price(d.details ->> 'provider_id', m.model), new.is_test
    from processing_log d cross join lateral job_model(new.snapshot, coalesce((d.details ->> 'link_no')::int, 0)) m(model) where d.job_id = new.id and d.status = 'dispatched'
    on conflict do nothing;
  end if;
  perform pg_notify('job_done', new.id::text);
  return null;
end $$;
create trigger job_finalised after update on job for each row
  when (new.is_finalized and not old.is_finalized) execute function job_log_final();
`)
      .execute(db);
  },
};
