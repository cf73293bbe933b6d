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

-- the midnight that ends the day at a service
create function lane_day_end(p_zone text) returns timestamptz language sql volatile as $$
  select (date_trunc('day', clock_timestamp() at time zone p_zone) + interval '1 day') at time zone p_zone $$;

-- locks the lane and brings its tokens, its day, and its bound where that leaves less room than wanted, up to date in the row it
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
  -- a day that ends later than a day can was begun by a clock that was set back since
  if l.calls_per_day is not null and (l.day_ends_at is null or clock_timestamp() not between l.day_ends_at - interval '26 hours' and l.day_ends_at) then
    l.day_calls := 0;
    l.day_ends_at := lane_day_end(l.quota_zone);
  end if;
  if l.running_max - l.running_bound < p_want then
    select count(*) into l.running_bound from job where provider_id = p_provider and status = 'processing' and not is_finalized;
  end if;
  return l;
end $$;

-- whether a lane that the caller has locked has no place for another open job; the count is redone only when the bound says so
create function lane_full(l lane) returns boolean language plpgsql as $$
begin
  if l.open_max is null or l.open_bound < l.open_max then return false; end if;
  select count(*) into l.open_bound from job where provider_id = l.provider_id and not is_finalized and expires_at > clock_timestamp();
  update lane set open_bound = l.open_bound where provider_id = l.provider_id;
  return l.open_bound >= l.open_max;
end $$;

-- one more open job of a lane that the caller has locked
create function lane_join(l lane) returns void language sql as $$
  update lane set open_bound = open_bound + 1 where provider_id = l.provider_id and open_max is not null $$;

-- whether the lane's provider can be called, and if not for how long. What would hold for longer than it was ever set for comes from
-- a clock that was set back since, and is not believed. ready | probe (half open: one call may find out) | probing (it
-- is under way) | paused (the service asked for it) | down | exhausted (the service's quota, or our own for the day)
create function lane_gate(l lane, out state text, out wait_ms float8, out reason text) language plpgsql as $$
declare c circuit; t timestamptz := clock_timestamp(); until timestamptz;
begin
  select * into c from circuit where provider_id = l.provider_id and key_id = l.key_id;
  reason := c.reason;
  if c.exhausted_until > t and c.exhausted_until < t + interval '26 hours' then state := 'exhausted'; until := c.exhausted_until;
  elsif l.calls_per_day is not null and l.day_calls >= l.calls_per_day and l.day_ends_at > t and l.day_ends_at < t + interval '26 hours' then
    state := 'exhausted'; until := l.day_ends_at; reason := 'all calls of the day are used up';
  elsif c.open_until > t and c.open_until < t + interval '61 seconds' then state := 'down'; until := c.open_until;
  elsif c.paused_until > t and c.paused_until < t + interval '601 seconds' then state := 'paused'; until := c.paused_until;
  elsif c.open_until is null then state := 'ready'; reason := null;
  elsif c.probe_until > t and c.probe_until < t + interval '61 seconds' and exists (select from job where id = c.probe_job
    and attempt_no = c.probe_attempt and status = 'processing' and not is_finalized) then
    state := 'probing'; until := least(c.probe_until, t + interval '1 second');
  else state := 'probe';
  end if;
  wait_ms := greatest(0, coalesce(extract(epoch from until - t), 0)) * 1000;
end $$;

-- how many calls the rates allow now
create function lane_calls(l lane, p_state text) returns int language sql immutable as $$
  select case when l.provider_id is null or p_state not in ('ready', 'probe') then 0 else greatest(0, least(
    case when l.calls_per_minute is null then 2147483647 else floor(l.tokens) end,
    case when l.calls_per_day is null then 2147483647 else l.calls_per_day - l.day_calls end,
    case when p_state = 'probe' then 1 else 2147483647 end))::int end $$;

-- how many jobs may take a place and call now
create function lane_room(l lane, p_state text) returns int language sql immutable as $$
  select greatest(0, least(l.running_max - l.running_bound, lane_calls(l, p_state))) $$;

-- p_job, p_attempt: the call that finds out, where that is what began
create function lane_keep(l lane, p_places int, p_calls int, p_state text, p_job uuid, p_attempt int) returns void language plpgsql as $$
begin
  update lane set running_bound = l.running_bound + p_places, refilled_at = l.refilled_at,
    tokens = case when l.calls_per_minute is null then l.tokens else l.tokens - p_calls end,
    day_calls = case when l.calls_per_day is null then l.day_calls else l.day_calls + p_calls end, day_ends_at = l.day_ends_at
  where provider_id = l.provider_id;
  -- whoever finds out has as long as a window is long; then, or once its job is at something else, somebody else may try
  if p_state = 'probe' and p_calls > 0 then
    update circuit set probe_until = clock_timestamp() + interval '60 seconds', probe_job = p_job, probe_attempt = p_attempt where provider_id = l.provider_id and key_id = l.key_id;
  end if;
end $$;

-- whether a photo that joins the lane now can be served in the time it has left, as far as the latest calls tell
create function lane_serves(l lane, p_wait_ms float8, p_left_ms float8) returns boolean language plpgsql as $$
declare room_ms float8 := p_left_ms - p_wait_ms - coalesce(l.usual_ms, 0) - least(1000, p_left_ms / 10); ahead_max float8;
begin
  if room_ms < 0 then return false; end if;
  if l.usual_ms is null then return true; end if;
  ahead_max := l.running_max * (1 + floor(room_ms / greatest(l.usual_ms, 1))) - 1;
  if l.calls_per_minute is not null then ahead_max := least(ahead_max, l.tokens + l.calls_per_minute * room_ms / 60000 - 1); end if;
  if ahead_max < 0 then return false; end if;
  -- never counts further than it has to
  return (select count(*) from (select from job where provider_id = l.provider_id and status = 'pending' and not is_finalized
    limit least(ahead_max, 100000)::int + 1) ahead) <= ahead_max;
end $$;

-- what a slot's day has cost so far, calls that were perhaps charged included, and what the calls of its open jobs may cost that have
-- not ended: one each, at the provider where the job is. p_without: a job that is not counted. Exact under the lock of the slot's
-- admission row; the hour finds jobs whose window closed and which nobody swept yet, by index
create function slot_spent(p_slot text, p_without uuid) returns numeric language sql volatile as $$
  select coalesce((select sum(price) from provider_call where slot_id = p_slot and charged <> 'no' and not is_test
      and ended_at >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'), 0)
    + coalesce((select sum(calls * call_price(provider_id, model)) from (
        select j.provider_id, job_model(j.snapshot, j.link_no) as model, count(*) as calls from job j
        where j.slot_id = p_slot and not j.is_finalized and not j.is_test and j.expires_at > now() - interval '1 hour' and j.id is distinct from p_without
          and not exists (select from provider_call c where c.job_id = j.id and c.attempt_no = j.attempt_no)
        group by 1, 2) under_way), 0) $$;

-- a job that the same request made: running, or (by its key) finished with a result that is still there
create function job_twin(p_slot text, p_terms jsonb, out id uuid, out is_final boolean, out is_same boolean) language plpgsql as $$
#variable_conflict use_column
declare hash bytea := decode(p_terms ->> 'request_hash', 'hex'); t timestamptz := clock_timestamp();
begin
  if p_terms ? 'idempotency_key' then
    select j.id, j.is_finalized, j.request_hash is not distinct from hash into id, is_final, is_same from job j
      where j.slot_id = p_slot and j.idempotency_key = p_terms ->> 'idempotency_key' and j.failure_reason is null
        and (not j.is_finalized or (j.result_expires_at > t and j.result_file_path is not null))
        and (j.is_finalized or j.expires_at > t) limit 1;
  elsif p_terms ? 'joins_running' then
    select j.id, false, true into id, is_final, is_same from job j
      where j.request_hash = hash and j.slot_id = p_slot and not j.is_finalized and j.expires_at > t limit 1;
  end if;
end $$;

-- p_providers: of each link of the chain, null where the link cannot take this photo. p_terms: request_hash (hex), idempotency_key,
-- joins_running, is_test, budget, stops (over budget: take no photo), models (of each link); null: none of them.
-- outcome: created | claimed | duplicate | joined | key_reused | full | unserved (why: no link could serve it in its window; wait_ms:
-- when it may be otherwise) | late; full_scope: all | slot | provider
create function job_enqueue(p_id uuid, p_slot text, p_providers text[], p_operation text, p_snapshot jsonb, p_metadata jsonb, p_payload text,
  p_elapsed_ms float8, p_window_ms float8, p_open_max int, p_worker uuid, p_lease_ms float8, p_terms jsonb,
  out outcome text, out full_scope text, out left_ms float8, out claim_no int, out attempt_no int, out link_no int, out twin_id uuid,
  out is_final boolean, out why text, out wait_ms float8)
language plpgsql as $$
#variable_conflict use_column
declare l lane; g record; twin record; room int := 0; slot_max int; claimed boolean := false; has_place boolean;
  is_over boolean := false; price numeric; second int; is_full boolean := false;
  born timestamptz := clock_timestamp() - p_elapsed_ms * interval '1 millisecond';
  ends timestamptz := born + p_window_ms * interval '1 millisecond';
begin
  if clock_timestamp() >= ends then outcome := 'late'; return; end if;
  has_place := admission_take('all', p_open_max);
  -- only now: whoever enqueued the same id, or the same request, before has committed, or is not there
  if exists (select from job where id = p_id) then outcome := 'duplicate'; return; end if;
  if p_terms is not null then
    loop
      select * into twin from job_twin(p_slot, p_terms);
      exit when twin.id is null or twin.is_final or not twin.is_same;
      update job set joined_no = job.joined_no + 1 where job.id = twin.id and not is_finalized;
      exit when found; -- else it ended just now: look again
    end loop;
    if twin.id is not null then
      outcome := case when twin.is_same then 'joined' else 'key_reused' end; twin_id := twin.id; is_final := twin.is_final;
      return;
    end if;
  end if;
  outcome := 'full';
  if not has_place then full_scope := 'all'; return; end if;
  select open_max into slot_max from admission where scope = p_slot;
  if slot_max is not null and not admission_take(p_slot, slot_max) then full_scope := 'slot'; return; end if;
  if p_terms ? 'budget' then perform 1 from admission where scope = p_slot for no key update; end if;
  left_ms := extract(epoch from ends - clock_timestamp())::float8 * 1000;
  for i in 1 .. cardinality(p_providers) loop
    continue when p_providers[i] is null;
    if p_terms ? 'budget' then
      price := call_price(p_providers[i], coalesce(p_terms -> 'models' ->> (i - 1), '*'));
      if price > 0 and slot_spent(p_slot, null) + price > (p_terms ->> 'budget')::numeric then
        is_over := true;
        exit when p_terms ? 'stops';
        continue;
      end if;
    end if;
    l := lane_open(p_providers[i], 1);
    continue when l.provider_id is null;
    g := lane_gate(l);
    room := lane_room(l, g.state);
    if l.open_max is not null and lane_full(l) then is_full := true; continue; end if;
    -- the usual case needs no look at who waits
    if room > 0 and l.usual_ms is null and g.state = 'ready' then link_no := i - 1; exit; end if;
    if lane_serves(l, g.wait_ms, left_ms) and (room > 0 or g.state in ('ready', 'paused')) then link_no := i - 1; exit; end if;
    -- what is down is skipped, not waited for, and so is what usually takes too long; where nothing else is left, it is tried
    if lane_serves(l, g.wait_ms, left_ms) or (room > 0 and not exists (select from job
      where provider_id = l.provider_id and status = 'pending' and not is_finalized)) then
      if second is null then second := i - 1; end if;
    else
      why := coalesce(why, case when g.state in ('ready', 'probe', 'probing') then 'busy' else g.state end);
    end if;
    wait_ms := least(wait_ms, greatest(1000, g.wait_ms));
  end loop;
  if link_no is null and second is not null then
    link_no := second;
    l := lane_open(p_providers[second + 1], 1);
    g := lane_gate(l);
    room := lane_room(l, g.state);
  end if;
  if link_no is null then
    if is_over then outcome := 'unserved'; why := 'budget';
      wait_ms := extract(epoch from lane_day_end('UTC') - clock_timestamp())::float8 * 1000;
    elsif why is not null then outcome := 'unserved'; wait_ms := coalesce(wait_ms, 5000);
    elsif is_full then full_scope := 'provider';
    else outcome := 'unserved'; why := 'down'; wait_ms := 5000;
    end if;
    return;
  end if;
  -- the locks may have taken a while
  if clock_timestamp() >= ends then outcome := 'late'; return; end if;
  if l.open_max is not null then perform lane_join(l); end if;
  claimed := p_worker is not null and room > 0
    and not exists (select from job where provider_id = l.provider_id and status = 'pending' and not is_finalized);
  insert into job (id, slot_id, provider_id, operation_id, snapshot, metadata, payload_path, created_at, expires_at,
      status, claim_no, attempt_no, link_no, worker_id, lease_until, started_at, chain, is_test, request_hash, idempotency_key)
    values (p_id, p_slot, l.provider_id, p_operation, p_snapshot, p_metadata, p_payload, born, ends,
      case when claimed then 'processing' else 'pending' end, claimed::int, claimed::int, link_no,
      case when claimed then p_worker end, case when claimed then clock_timestamp() + p_lease_ms * interval '1 millisecond' end,
      case when claimed then clock_timestamp() end, p_providers[2:], coalesce((p_terms ->> 'is_test')::boolean, false),
      decode(p_terms ->> 'request_hash', 'hex'), p_terms ->> 'idempotency_key');
  if claimed then perform lane_keep(l, 1, 1, g.state, p_id, 1); end if;
  outcome := case when claimed then 'claimed' else 'created' end;
  left_ms := extract(epoch from ends - clock_timestamp())::float8 * 1000; claim_no := claimed::int; attempt_no := claimed::int;
end $$;

-- claims up to p_n jobs of one lane (of p_only, where given: a process that shuts down takes only what it holds): fair over slots (turn = place in the slot's own queue + what the slot has running), then oldest
create function job_claim(p_provider text, p_worker uuid, p_n int, p_lease_ms float8, p_only uuid[])
returns table (id uuid, slot_id text, provider_id text, operation_id text, snapshot jsonb, payload_path text, claim_no int, attempt_no int,
  link_no int, is_test boolean, provider_job_reference text, left_ms float8)
language plpgsql as $$
#variable_conflict use_column
declare l lane; g record; r record; places int; fresh int; got int := 0; calls int := 0; caller uuid;
begin
  if not exists (select from job where provider_id = p_provider and status = 'pending' and not is_finalized) then return; end if;
  l := lane_open(p_provider, p_n);
  if l.provider_id is null then return; end if;
  g := lane_gate(l);
  places := l.running_max - l.running_bound;
  -- the rates are for jobs that begin with a call; one that was claimed before is there to be polled, to reserve its next call, or to
  -- go on to another provider, also while this one cannot be called
  fresh := lane_calls(l, g.state);
  if fresh = 0 and not exists (select from job where provider_id = p_provider and status = 'pending' and not is_finalized and claim_no > 0) then
    places := 0;
  end if;
  if places > 0 then
    for r in
      with pick as materialized (
        select q.id, r.n + q.place as turn, q.created_at, q.claim_no,
          row_number() over (partition by q.claim_no = 0 order by r.n + q.place, q.created_at, q.id) as nth
        from slot s
        cross join lateral (select j.id, j.created_at, j.claim_no, row_number() over (order by j.created_at, j.id) as place from job j
          where j.provider_id = p_provider and j.slot_id = s.id and j.status = 'pending' and not j.is_finalized
            and j.expires_at > clock_timestamp() and j.claim_no < j.claim_max and (p_only is null or j.id = any (p_only))
            and (fresh > 0 or j.claim_no > 0)
          order by j.created_at, j.id limit least(p_n, places)) q
        cross join lateral (select count(*) as n from job j
          where j.provider_id = p_provider and j.slot_id = s.id and j.status = 'processing' and not j.is_finalized) r
      ), take as materialized (
        select j.id from job j join pick using (id)
        where j.provider_id = p_provider and j.status = 'pending' and not j.is_finalized and (pick.claim_no > 0 or pick.nth <= fresh)
        order by pick.turn, pick.created_at, j.id limit least(p_n, places) for update of j skip locked
      )
      update job j set status = 'processing', claim_no = j.claim_no + 1,
        -- what was claimed before may have been paid for: its worker reserves the next call itself, if one may be made
        attempt_no = j.attempt_no + (j.claim_no = 0)::int,
        worker_id = p_worker, lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond',
        started_at = coalesce(j.started_at, clock_timestamp()), updated_at = clock_timestamp()
      from take where j.id = take.id
      returning j.id, j.slot_id, j.provider_id, j.operation_id, j.snapshot, j.payload_path, j.claim_no, j.attempt_no, j.link_no, j.is_test, j.provider_job_reference,
        extract(epoch from j.expires_at - clock_timestamp())::float8 * 1000 as left_ms
    loop
      id := r.id; slot_id := r.slot_id; provider_id := r.provider_id; operation_id := r.operation_id; snapshot := r.snapshot;
      payload_path := r.payload_path; claim_no := r.claim_no; attempt_no := r.attempt_no; link_no := r.link_no; is_test := r.is_test;
      provider_job_reference := r.provider_job_reference; left_ms := r.left_ms;
      got := got + 1;
      if r.claim_no = 1 then calls := calls + 1; caller := r.id; end if;
      return next;
    end loop;
  end if;
  perform lane_keep(l, got, calls, g.state, caller, 1);
end $$;

-- one more call for a claimed job, to the provider of one of its links: granted | wait (wait_ms until the limits allow it) | barred
-- (the provider is down, or its quota used up, for wait_ms; why) | over_budget | lost (the claim is no longer held). p_after: how many
-- calls of the job the caller knows of; asked again after a lost reply, the answer is the call that was reserved. Null: it does not say
create function job_reserve_call(p_id uuid, p_claim int, p_worker uuid, p_provider text, p_link int, p_model text, p_budget numeric, p_after int,
  out outcome text, out attempt_no int, out wait_ms float8, out why text)
language plpgsql as $$
#variable_conflict use_column
declare l lane; g record; room int; held job; is_moving boolean; price numeric;
begin
  select * into held from job
    where id = p_id and claim_no = p_claim and worker_id = p_worker and status = 'processing' and not is_finalized and expires_at > clock_timestamp();
  if not found then outcome := 'lost'; return; end if;
  if held.attempt_no > p_after and held.link_no = p_link then outcome := 'granted'; attempt_no := held.attempt_no; return; end if;
  if p_budget is not null then
    price := call_price(p_provider, p_model);
    if price > 0 then
      perform 1 from admission where scope = held.slot_id for no key update;
      if slot_spent(held.slot_id, null) + price > p_budget then outcome := 'over_budget'; return; end if;
    end if;
  end if;
  is_moving := held.provider_id <> p_provider;
  l := lane_open(p_provider, is_moving::int);
  if l.provider_id is null then outcome := 'barred'; wait_ms := 60000; why := 'no such provider'; return; end if;
  g := lane_gate(l);
  -- a job that stays holds its place already: only the call rate counts for it
  room := case when not is_moving then lane_calls(l, g.state) when lane_full(l) then 0 else lane_room(l, g.state) end;
  if room < 1 then
    perform lane_keep(l, 0, 0, g.state, null, null);
    outcome := case when g.state in ('down', 'exhausted', 'probing') then 'barred' else 'wait' end;
    why := coalesce(g.reason, g.state);
    wait_ms := case when g.wait_ms > 0 then g.wait_ms when l.calls_per_minute is null or l.tokens >= 1 then 250
      else (1 - l.tokens) / l.calls_per_minute * 60000 end;
    return;
  end if;
  update job j set attempt_no = j.attempt_no + 1, provider_id = p_provider, link_no = p_link, provider_job_reference = null, updated_at = clock_timestamp()
    where id = p_id and claim_no = p_claim and worker_id = p_worker and status = 'processing' and not is_finalized and expires_at > clock_timestamp()
      and (p_after is null or j.attempt_no = p_after)
    returning j.attempt_no into attempt_no;
  if not found then
    perform lane_keep(l, 0, 0, g.state, null, null);
    -- the same question, asked at the same time, was first
    select j.attempt_no into attempt_no from job j where j.id = p_id and j.claim_no = p_claim and j.worker_id = p_worker and j.link_no = p_link
      and j.attempt_no > p_after and j.status = 'processing' and not j.is_finalized and j.expires_at > clock_timestamp();
    outcome := case when found then 'granted' else 'lost' end;
    return;
  end if;
  perform lane_keep(l, is_moving::int, 1, g.state, p_id, attempt_no);
  if is_moving then perform lane_join(l); end if;
  outcome := 'granted';
end $$;

-- a call brought an answer: whatever was held against the key is forgotten
create function circuit_answers(p_provider text, p_key text) returns void language sql as $$
  update circuit set failures = 0, opens = 0, open_until = null, probe_until = null, reason = null, changed_at = clock_timestamp()
  where provider_id = p_provider and key_id = p_key and (failures > 0 or open_until is not null) $$;

-- a call failed. Five in a row that speak against the service, or one that was to find out, open the circuit: for 5 s, each further
-- time twice as long, up to a minute. A key that the service refuses opens it at once.
create function circuit_fails(p_provider text, p_key text, p_kind text, p_retry_after_ms float8, p_exhausted boolean, p_reason text)
returns void language plpgsql as $$
declare c circuit; t timestamptz; hint interval := p_retry_after_ms * interval '1 millisecond';
begin
  -- an answer of any kind is a sign of life
  if p_kind in ('empty', 'refused', 'bad_request') then perform circuit_answers(p_provider, p_key); return; end if;
  insert into circuit (provider_id, key_id) values (p_provider, p_key) on conflict do nothing;
  select * into c from circuit where provider_id = p_provider and key_id = p_key for no key update;
  t := clock_timestamp();
  c.reason := left(p_reason, 500);
  if p_exhausted then
    -- the service's day ends at its own midnight; where it names a later or an earlier moment itself, that counts
    -- (after a day one call finds out anew)
    c.exhausted_until := case when hint > interval '1 minute' then t + least(hint, interval '1 day')
      else lane_day_end(coalesce((select quota_zone from lane where provider_id = p_provider), 'UTC')) end;
    c.probe_until := null;
  elsif p_kind = 'throttled' and hint is not null then
    c.paused_until := greatest(case when c.paused_until < t + interval '601 seconds' then c.paused_until end, t + least(hint, interval '10 minutes'));
    c.probe_until := null;
  else
    c.failures := c.failures + 1;
    if (c.open_until is null or t not between c.open_until - interval '61 seconds' and c.open_until) and (c.failures >= 5 or p_kind = 'invalid_key' or c.open_until is not null) then
      c.opens := c.opens + 1;
      c.open_until := t + case when p_kind = 'invalid_key' then interval '1 minute'
        else least(interval '1 minute', interval '5 seconds' * power(2, least(c.opens, 10) - 1)) end;
      c.probe_until := null;
    end if;
  end if;
  update circuit set failures = c.failures, opens = c.opens, open_until = c.open_until, probe_until = c.probe_until, paused_until = c.paused_until,
    exhausted_until = c.exhausted_until, reason = c.reason, changed_at = t where provider_id = p_provider and key_id = p_key;
end $$;

-- what a call is entered with into the ledger; an answer that came after its job's end is entered in the place of "unknown", and that
-- of a ticket which a later claim polled in the place of what the earlier one said. Null: it was told before
create function call_enter(p_job uuid, p_slot text, p_call jsonb, p_outcome text, p_charged text, p_latency_ms int) returns boolean language sql as $$
  insert into provider_call (job_id, attempt_no, link_no, claim_no, slot_id, provider_id, model, outcome, charged, price, latency_ms, is_test)
  values (p_job, (p_call ->> 'attempt_no')::int, (p_call ->> 'link_no')::int, (p_call ->> 'claim_no')::int, p_slot, p_call ->> 'provider_id',
    p_call ->> 'model', p_outcome, p_charged, case when p_charged <> 'no' then call_price(p_call ->> 'provider_id', p_call ->> 'model') end, p_latency_ms, (p_call ->> 'is_test')::boolean)
  on conflict (job_id, attempt_no) do update set outcome = excluded.outcome, charged = excluded.charged, latency_ms = excluded.latency_ms,
    model = excluded.model, price = excluded.price, claim_no = excluded.claim_no
    where provider_call.outcome = 'unknown' or provider_call.claim_no < excluded.claim_no
  returning true $$;

-- what a call that brought no picture came to: an event, its entry in the ledger, and what it says of its provider. Not fenced: a late
-- answer changes nothing of the job, but it is told. p_call: provider_id, key_id, model, attempt_no, claim_no, link_no, is_test;
-- p_failure: outcome, charged, retry_after_ms, exhausted, against (whether it speaks against the provider)
create function job_call_failed(p_id uuid, p_slot text, p_call jsonb, p_failure jsonb, p_latency_ms int, p_reason text) returns void
language plpgsql as $$
begin
  -- told again after a lost reply
  if call_enter(p_id, p_slot, p_call, p_failure ->> 'outcome', p_failure ->> 'charged', p_latency_ms) is null then return; end if;
  insert into processing_log (job_id, slot_id, status, message, provider_latency_ms, details)
    values (p_id, p_slot, 'provider_responded', left(p_reason, 1024), p_latency_ms,
      (p_call - 'key_id' - 'is_test') || (p_failure - 'against'));
  -- a worker that stood still takes its own time-outs for the service's: whoever lost its claim has no say about the provider
  if (p_failure ->> 'against')::boolean and not exists (select from job
      where id = p_id and (is_finalized or claim_no <> (p_call ->> 'claim_no')::int or worker_id is null)) then
    perform circuit_fails(p_call ->> 'provider_id', p_call ->> 'key_id', p_failure ->> 'outcome', (p_failure ->> 'retry_after_ms')::float8,
      coalesce((p_failure ->> 'exhausted')::boolean, false), p_reason);
  end if;
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
create function job_succeed(p_id uuid, p_claim int, p_worker uuid, p_call jsonb, p_charged text, p_path text, p_mime text, p_size int, p_checksum text,
  p_retention_hours float8, p_latency_ms int) returns boolean language plpgsql as $$
declare held job; t timestamptz;
begin
  select * into held from job where id = p_id for no key update;
  if not found then return false; end if;
  -- told again after a lost reply: a result's file belongs to one claim
  if held.is_finalized and held.result_file_path = p_path then return true; end if;
  held.is_finalized := held.is_finalized or held.claim_no <> p_claim or held.worker_id is distinct from p_worker or held.expires_at <= clock_timestamp();
  -- the answer is told before the end it brings, and also when it brings none
  insert into processing_log (job_id, slot_id, status, provider_latency_ms, details)
    values (p_id, held.slot_id, 'provider_responded', p_latency_ms, (p_call - 'key_id' - 'is_test') || jsonb_build_object(
      'outcome', 'image', 'accepted', not held.is_finalized, 'charged', p_charged));
  perform call_enter(p_id, held.slot_id, p_call, case when held.is_finalized then 'late' else 'image' end, p_charged, p_latency_ms);
  perform circuit_answers(p_call ->> 'provider_id', p_call ->> 'key_id');
  if held.is_finalized then return false; end if;
  t := clock_timestamp();
  update job set is_finalized = true, finalized_at = t, updated_at = t, worker_id = null, lease_until = null,
      payload_path = null, result_file_path = p_path, result_mime_type = p_mime, result_size_bytes = p_size, result_checksum = p_checksum,
      result_provider_id = p_call ->> 'provider_id', result_expires_at = t::timestamptz(3) + interval '1 hour'
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

-- ends an unfinished job from outside its claim. p_only_waiting: a request that waits for it leaves; the last one to leave ends it, if
-- no provider call has begun
create function job_end(p_id uuid, p_reason text, p_message text, p_only_waiting boolean) returns boolean language plpgsql as $$
begin
  if p_only_waiting then
    update job set joined_no = joined_no - 1 where id = p_id and not is_finalized and joined_no > 0;
    if found then return false; end if;
  end if;
  update job set is_finalized = true, finalized_at = clock_timestamp(), updated_at = clock_timestamp(), worker_id = null, lease_until = null,
      payload_path = null, failure_reason = p_reason, failure_message = left(p_message, 1024)
    where id = p_id and not is_finalized and (not p_only_waiting or (status = 'pending' and attempt_no = 0));
  return found;
end $$;

-- hands claimed jobs back at shutdown; the claim stays counted, so the fence moves on at the next one. p_untouched: the calls that
-- their claims counted were never made, which the ledger has to know; only a first claim counts one, later ones find a call of before
create function job_release(p_worker uuid, p_ids uuid[], p_claims int[], p_untouched boolean) returns setof uuid language sql as $$
  insert into provider_call (job_id, attempt_no, link_no, claim_no, slot_id, provider_id, outcome, charged, is_test)
  select j.id, j.attempt_no, j.link_no, j.claim_no, j.slot_id, j.provider_id, 'not_made', 'no', j.is_test
  from unnest(p_ids, p_claims) d(id, claim_no) join job j on j.id = d.id and j.claim_no = d.claim_no and j.worker_id = p_worker
  where p_untouched and j.claim_no = 1
  on conflict do nothing;
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

-- the calls that were made for a job, and which of them were charged as far as is known
create function job_calls(p_id uuid) returns table (provider_id text, charged text) language sql stable as $$
  select d.details ->> 'provider_id', coalesce(c.charged, 'maybe') from processing_log d
  left join provider_call c on c.job_id = d.job_id and c.attempt_no = (d.details ->> 'attempt_no')::int
  where d.job_id = p_id and d.status = 'dispatched' $$;

-- whether a job may go on to the lane of this link: its provider can be called, the slot pays for it, and it has a place, which is
-- taken. Waits for no lock: whoever holds one is asked again a second later
create function lane_admits(p_provider text, p_slot text, p_job uuid, p_price numeric, p_budget numeric) returns boolean language plpgsql as $$
declare l lane; g record;
begin
  select * into l from lane where provider_id = p_provider;
  if not found then return false; end if;
  g := lane_gate(l);
  if g.state in ('down', 'exhausted') then return false; end if;
  if p_price > 0 and p_budget is not null then
    perform 1 from admission where scope = p_slot for no key update skip locked;
    if not found or slot_spent(p_slot, p_job) + p_price > p_budget then return false; end if;
  end if;
  if l.open_max is null then return true; end if;
  select * into l from lane where provider_id = p_provider for no key update skip locked;
  if not found or lane_full(l) then return false; end if;
  perform lane_join(l);
  return true;
end $$;

-- jobs that wait in a lane which is down, or which will not get to them in time, go on to the next link of their chain that can take
-- them, while that still has time for them. A job that was claimed before reserves its next call itself: its budget is looked at then
create function job_reroute() returns setof uuid language plpgsql as $$
declare l lane; g record; j record; t timestamptz; next_no int;
begin
  for l in select x.* from lane x cross join lateral (select from job w where w.provider_id = x.provider_id and w.status = 'pending' and not w.is_finalized
    and w.link_no < cardinality(w.chain) limit 1) movable
  loop
    g := lane_gate(l);
    t := clock_timestamp();
    for j in
      select w.id, w.slot_id, w.link_no, w.chain, w.snapshot, case when w.claim_no = 0 then (w.snapshot ->> 'dailyBudget')::numeric end as budget
      from job w join lane n on n.provider_id = w.chain[w.link_no + 1]
      where w.provider_id = l.provider_id and w.status = 'pending' and not w.is_finalized and w.link_no < cardinality(w.chain)
        and w.expires_at > t and w.provider_job_reference is null
        and (g.state in ('down', 'exhausted') or w.expires_at < t + interval '2 seconds'
          + greatest(g.wait_ms + coalesce(l.usual_ms, l.expected_ms / 2), coalesce(n.usual_ms, n.expected_ms / 2)) * interval '1 millisecond')
      limit 200 for update of w skip locked
    loop
      next_no := null;
      for i in j.link_no + 1 .. cardinality(j.chain) loop
        if lane_admits(j.chain[i], j.slot_id, j.id, call_price(j.chain[i], job_model(j.snapshot, i)), j.budget) then next_no := i; exit; end if;
        exit when j.budget is not null and j.snapshot ? 'stopsOverBudget';
      end loop;
      continue when next_no is null;
      update job set provider_id = j.chain[next_no], link_no = next_no, updated_at = clock_timestamp() where id = j.id;
      return next j.id;
    end loop;
  end loop;
end $$;

-- what the latest calls of each provider took, for the lanes that nobody holds just now. What is no longer known is forgotten: a
-- provider that is passed over because it was slow would never show that it is well again
create function lane_learn() returns void language sql as $$
  with latest as (
    select provider_id, latency_ms, row_number() over (partition by provider_id order by ended_at desc) as n from provider_call
    where ended_at > now() - interval '15 minutes' and outcome = 'image'
  ), pace as (
    select provider_id, round(percentile_cont(0.5) within group (order by latency_ms)) as usual_ms,
      round(percentile_cont(0.95) within group (order by latency_ms)) as slow_ms
    from latest where n <= 100 group by provider_id having count(*) >= 5
  ), free as (
    select l.provider_id from lane l left join pace p using (provider_id)
    where (l.usual_ms, l.slow_ms) is distinct from (p.usual_ms, p.slow_ms) for update of l skip locked
  )
  update lane l set usual_ms = p.usual_ms, slow_ms = p.slow_ms from free f left join pace p using (provider_id) where l.provider_id = f.provider_id $$;

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
