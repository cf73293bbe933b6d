import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * One function per step of a job's life. They are VOLATILE PL/pgSQL on purpose: each statement inside sees a fresh snapshot, so
 * what is counted after a lock was waited for is exact. All time is `clock_timestamp()`; durations come and go in milliseconds.
 *
 * Lock order, everywhere: admission row `all`, the slot's admission row, the lane, then job rows. Finalising locks only the job.
 */
export const queueFunctions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
-- takes a place among the open jobs of a scope; the count is redone only when the bound says "full"
create function admission_take(p_scope text, p_open_max int) returns boolean language plpgsql as $$
declare n int;
begin
  update admission set open_bound = open_bound + 1 where scope = p_scope and open_bound < p_open_max;
  if found then return true; end if;
  perform 1 from admission where scope = p_scope for no key update;
  select count(*) into n from job
    where not is_finalized and expires_at > clock_timestamp() and (p_scope = 'all' or slot_id = p_scope);
  update admission set open_bound = n + (n < p_open_max)::int where scope = p_scope;
  return n < p_open_max;
end $$;

-- locks the lane and brings its tokens, and its bound where that leaves less room than wanted, up to date in the row it
-- returns; lane_keep stores them
create function lane_open(p_provider text, p_want int) returns lane language plpgsql as $$
declare l lane;
begin
  select * into l from lane where provider_id = p_provider for no key update;
  if not found then return null; end if;
  if l.calls_per_minute is not null then
    l.tokens := least(l.calls_burst, l.tokens + l.calls_per_minute / 60 * greatest(0, extract(epoch from clock_timestamp() - l.refilled_at)));
    l.refilled_at := clock_timestamp();
  end if;
  if l.running_max - l.running_bound < p_want then
    select count(*) into l.running_bound from job where provider_id = p_provider and status = 'processing' and not is_finalized;
  end if;
  return l;
end $$;

-- how many calls may begin now
create function lane_room(l lane) returns int language sql immutable as $$
  select case when l.provider_id is null then 0 else greatest(0, least(l.running_max - l.running_bound, case when l.calls_per_minute is null then 2147483647 else floor(l.tokens) end))::int end $$;

create function lane_keep(l lane, p_places int, p_calls int) returns void language sql as $$
  update lane set running_bound = l.running_bound + p_places, refilled_at = l.refilled_at,
    tokens = case when l.calls_per_minute is null then l.tokens else l.tokens - p_calls end
  where provider_id = l.provider_id $$;

-- outcome: created | claimed | duplicate | full | late; full_scope: all | slot | provider
create function job_enqueue(p_id uuid, p_slot text, p_provider text, p_operation text, p_snapshot jsonb, p_metadata jsonb, p_payload text,
  p_elapsed_ms float8, p_window_ms float8, p_open_max int, p_worker uuid, p_lease_ms float8,
  out outcome text, out full_scope text, out left_ms float8, out claim_no int, out attempt_no int)
language plpgsql as $$
#variable_conflict use_column
declare l lane; room int := 0; slot_max int; claimed boolean := false; has_place boolean;
  born timestamptz := clock_timestamp() - p_elapsed_ms * interval '1 millisecond';
  ends timestamptz := born + p_window_ms * interval '1 millisecond';
begin
  if clock_timestamp() >= ends then outcome := 'late'; return; end if;
  has_place := admission_take('all', p_open_max);
  -- only now: whoever enqueued the same id before has committed, or is not there
  if exists (select from job where id = p_id) then outcome := 'duplicate'; return; end if;
  outcome := 'full';
  if not has_place then full_scope := 'all'; return; end if;
  select open_max into slot_max from admission where scope = p_slot;
  if slot_max is not null and not admission_take(p_slot, slot_max) then full_scope := 'slot'; return; end if;
  l := lane_open(p_provider, 1);
  room := lane_room(l);
  if l.open_max is not null then
    if l.open_bound >= l.open_max then
      select count(*) into l.open_bound from job where provider_id = p_provider and not is_finalized and expires_at > clock_timestamp();
    end if;
    if l.open_bound >= l.open_max then
      update lane set open_bound = l.open_bound where provider_id = p_provider;
      full_scope := 'provider'; return;
    end if;
    update lane set open_bound = l.open_bound + 1 where provider_id = p_provider;
  end if;
  -- the locks may have taken a while
  if clock_timestamp() >= ends then outcome := 'late'; return; end if;
  claimed := p_worker is not null and room > 0
    and not exists (select from job where provider_id = p_provider and status = 'pending' and not is_finalized);
  insert into job (id, slot_id, provider_id, operation_id, snapshot, metadata, payload_path, created_at, expires_at,
      status, claim_no, attempt_no, worker_id, lease_until, started_at)
    values (p_id, p_slot, p_provider, p_operation, p_snapshot, p_metadata, p_payload, born, ends,
      case when claimed then 'processing' else 'pending' end, claimed::int, claimed::int,
      case when claimed then p_worker end, case when claimed then clock_timestamp() + p_lease_ms * interval '1 millisecond' end,
      case when claimed then clock_timestamp() end);
  if claimed then perform lane_keep(l, 1, 1); end if;
  outcome := case when claimed then 'claimed' else 'created' end;
  left_ms := extract(epoch from ends - clock_timestamp())::float8 * 1000; claim_no := claimed::int; attempt_no := claimed::int;
end $$;

-- claims up to p_n jobs of one lane (of p_only, where given: a process that shuts down takes only what it holds): fair over slots (turn = place in the slot's own queue + what the slot has running), then oldest
create function job_claim(p_provider text, p_worker uuid, p_n int, p_lease_ms float8, p_only uuid[])
returns table (id uuid, slot_id text, provider_id text, operation_id text, snapshot jsonb, payload_path text, claim_no int, attempt_no int,
  provider_job_reference text, left_ms float8)
language plpgsql as $$
#variable_conflict use_column
declare l lane; room int; got int;
begin
  if not exists (select from job where provider_id = p_provider and status = 'pending' and not is_finalized) then return; end if;
  l := lane_open(p_provider, p_n);
  room := lane_room(l);
  if room > 0 then
    return query
      with pick as materialized (
        select q.id, r.n + q.place as turn, q.created_at
        from slot s
        cross join lateral (select j.id, j.created_at, row_number() over (order by j.created_at, j.id) as place from job j
          where j.provider_id = p_provider and j.slot_id = s.id and j.status = 'pending' and not j.is_finalized
            and j.expires_at > clock_timestamp() and j.claim_no < j.claim_max and (p_only is null or j.id = any (p_only))
          order by j.created_at, j.id limit least(p_n, room)) q
        cross join lateral (select count(*) as n from job j
          where j.provider_id = p_provider and j.slot_id = s.id and j.status = 'processing' and not j.is_finalized) r
      ), take as materialized (
        select j.id from job j join pick using (id)
        where j.status = 'pending' and not j.is_finalized
        order by pick.turn, pick.created_at, j.id limit least(p_n, room) for update of j skip locked
      )
      update job j set status = 'processing', claim_no = j.claim_no + 1,
        attempt_no = j.attempt_no + (j.provider_job_reference is null)::int,
        worker_id = p_worker, lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond',
        started_at = coalesce(j.started_at, clock_timestamp()), updated_at = clock_timestamp()
      from take where j.id = take.id
      returning j.id, j.slot_id, j.provider_id, j.operation_id, j.snapshot, j.payload_path, j.claim_no, j.attempt_no, j.provider_job_reference,
        extract(epoch from j.expires_at - clock_timestamp())::float8 * 1000;
    get diagnostics got = row_count;
  end if;
  perform lane_keep(l, coalesce(got, 0), coalesce(got, 0));
end $$;

-- one more call for a claimed job: granted | wait (wait_ms until the provider's limits allow it) | lost (the claim is no longer held)
create function job_reserve_call(p_id uuid, p_claim int, p_worker uuid, p_provider text, out outcome text, out attempt_no int, out wait_ms float8)
language plpgsql as $$
#variable_conflict use_column
declare l lane; room int; current_provider text; is_moving boolean;
begin
  select provider_id into current_provider from job
    where id = p_id and claim_no = p_claim and worker_id = p_worker and status = 'processing' and not is_finalized and expires_at > clock_timestamp();
  if not found then outcome := 'lost'; return; end if;
  is_moving := current_provider <> p_provider;
  l := lane_open(p_provider, is_moving::int);
  -- a job that stays holds its place already: only the call rate counts for it
  if is_moving then room := lane_room(l); else room := (l.calls_per_minute is null or l.tokens >= 1)::int; end if;
  if room < 1 then
    perform lane_keep(l, 0, 0);
    outcome := 'wait';
    wait_ms := case when l.calls_per_minute is null or l.tokens >= 1 then 250 else (1 - l.tokens) / l.calls_per_minute * 60000 end;
    return;
  end if;
  update job j set attempt_no = j.attempt_no + 1, provider_id = p_provider, provider_job_reference = null, updated_at = clock_timestamp()
    where id = p_id and claim_no = p_claim and worker_id = p_worker and status = 'processing' and not is_finalized and expires_at > clock_timestamp()
    returning j.attempt_no into attempt_no;
  if not found then perform lane_keep(l, 0, 0); outcome := 'lost'; return; end if;
  perform lane_keep(l, is_moving::int, 1);
  if is_moving then update lane set open_bound = open_bound + 1 where provider_id = p_provider; end if;
  outcome := 'granted';
end $$;

create function job_keep_ticket(p_id uuid, p_claim int, p_worker uuid, p_reference text) returns boolean language plpgsql as $$
begin
  update job set provider_job_reference = p_reference, updated_at = clock_timestamp()
    where id = p_id and claim_no = p_claim and worker_id = p_worker and status = 'processing' and not is_finalized and expires_at > clock_timestamp();
  return found;
end $$;

-- one statement per process and beat; an id that does not come back is no longer held
create function job_heartbeat(p_worker uuid, p_ids uuid[], p_claims int[], p_lease_ms float8) returns setof uuid language sql as $$
  update job j set lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  from unnest(p_ids, p_claims) d(id, claim_no)
  where j.id = d.id and j.claim_no = d.claim_no and j.worker_id = p_worker and j.status = 'processing' and not j.is_finalized
    and j.expires_at > clock_timestamp()
  returning j.id $$;

-- true: this result is THE result. false: too late, the caller drops it and deletes the file it stored
create function job_succeed(p_id uuid, p_claim int, p_worker uuid, p_provider text, p_path text, p_mime text, p_size int, p_checksum text,
  p_retention_hours float8, p_latency_ms int) returns boolean language plpgsql as $$
declare held job; t timestamptz;
begin
  select * into held from job where id = p_id for no key update;
  if not found then return false; end if;
  held.is_finalized := held.is_finalized or held.claim_no <> p_claim or held.worker_id is distinct from p_worker or held.expires_at <= clock_timestamp();
  -- the answer is told before the end it brings, and also when it brings none
  insert into processing_log (job_id, slot_id, status, provider_latency_ms, details)
    values (p_id, held.slot_id, 'provider_responded', p_latency_ms, jsonb_build_object('provider_id', p_provider, 'attempt_no', held.attempt_no,
      'claim_no', p_claim, 'outcome', 'image', 'accepted', not held.is_finalized));
  if held.is_finalized then return false; end if;
  t := clock_timestamp();
  update job set is_finalized = true, finalized_at = t, updated_at = t, worker_id = null, lease_until = null,
      payload_path = null, result_file_path = p_path, result_mime_type = p_mime, result_size_bytes = p_size, result_checksum = p_checksum,
      result_provider_id = p_provider, result_expires_at = t::timestamptz(3) + interval '1 hour'
        * coalesce((select (value #>> '{}')::float8 from platform_setting where key = 'processed_media_ttl_hours'), p_retention_hours)
    where id = p_id;
  return true;
end $$;

create function job_fail(p_id uuid, p_claim int, p_worker uuid, p_message text) returns boolean language plpgsql as $$
begin
  update job set is_finalized = true, finalized_at = clock_timestamp(), updated_at = clock_timestamp(), worker_id = null, lease_until = null,
      payload_path = null, failure_reason = 'provider_error', failure_message = left(p_message, 1024)
    where id = p_id and claim_no = p_claim and worker_id = p_worker and status = 'processing' and not is_finalized and expires_at > clock_timestamp();
  return found;
end $$;

-- ends an unfinished job from outside its claim; with p_only_waiting nothing happens once a provider call has begun
create function job_end(p_id uuid, p_reason text, p_message text, p_only_waiting boolean) returns boolean language plpgsql as $$
begin
  update job set is_finalized = true, finalized_at = clock_timestamp(), updated_at = clock_timestamp(), worker_id = null, lease_until = null,
      payload_path = null, failure_reason = p_reason, failure_message = left(p_message, 1024)
    where id = p_id and not is_finalized and (not p_only_waiting or (status = 'pending' and attempt_no = 0));
  return found;
end $$;

-- hands claimed jobs back at shutdown; the claim stays counted, so the fence moves on at the next one
create function job_release(p_worker uuid, p_ids uuid[], p_claims int[]) returns setof uuid language sql as $$
  update job j set status = 'pending', worker_id = null, lease_until = null, updated_at = clock_timestamp()
  from unnest(p_ids, p_claims) d(id, claim_no)
  where j.id = d.id and j.claim_no = d.claim_no and j.worker_id = p_worker and j.status = 'processing' and not j.is_finalized
    and j.claim_no < j.claim_max
  returning j.id $$;

-- what no living process looks after: windows that closed, leases that ran out
create function job_sweep(p_restart_grace_ms float8)
returns table (id uuid, payload_path text, outcome text) language plpgsql as $$
#variable_conflict use_column
declare t timestamptz := clock_timestamp(); -- as a variable it can be looked up in an index; the function itself cannot
begin
  return query
    with v as materialized (select j.id, j.payload_path from job j where not j.is_finalized and j.expires_at <= t order by j.expires_at limit 500 for update skip locked)
    update job j set is_finalized = true, finalized_at = clock_timestamp(), updated_at = clock_timestamp(), worker_id = null, lease_until = null,
      payload_path = null, failure_reason = 'timeout', failure_message = 'the response window closed'
    from v where j.id = v.id returning j.id, v.payload_path, 'timeout'::text;
  -- after a restart of the database live workers renew first
  if clock_timestamp() <= pg_postmaster_start_time() + p_restart_grace_ms * interval '1 millisecond' then return; end if;
  return query
    with v as materialized (select j.id from job j where j.status = 'processing' and not j.is_finalized and j.lease_until < t
      and j.claim_no < j.claim_max limit 500 for update skip locked)
    update job j set status = 'pending', worker_id = null, lease_until = null, updated_at = clock_timestamp()
    from v where j.id = v.id returning j.id, null::text, 'reclaimed'::text;
  return query
    with v as materialized (select j.id, j.payload_path from job j where j.status = 'processing' and not j.is_finalized and j.lease_until < t
      and j.claim_no >= j.claim_max limit 500 for update skip locked)
    update job j set is_finalized = true, finalized_at = clock_timestamp(), updated_at = clock_timestamp(), worker_id = null, lease_until = null,
      payload_path = null, failure_reason = 'provider_error', failure_message = 'every worker that took the job was lost'
    from v where j.id = v.id returning j.id, v.payload_path, 'failed'::text;
end $$;

-- what was finalised since p_since less 5 s (commits become visible late); looked_at is the next p_since
create function job_finalised_since(p_since timestamptz) returns table (id uuid, looked_at timestamptz) language plpgsql as $$
#variable_conflict use_column
declare t timestamptz := clock_timestamp();
begin
  return query select j.id, t from job j where j.is_finalized and j.finalized_at > coalesce(p_since, t) - interval '5 seconds';
  if not found then return query select null::uuid, t; end if;
end $$;
`)
      .execute(db);
  },
};
