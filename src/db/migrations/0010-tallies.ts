import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What happened in each hour, counted once.
 *
 * The job table stays the only truth and no job touches a counter: a shared row would make finishing jobs wait for each other.
 * Hours that are over are counted from it afterwards, by `tally_roll`, which moves the mark `rolled_until` in the same transaction.
 * Whoever reads takes the hours before the mark from the tallies and everything else from the rows, in one snapshot
 * (`event_tally`, `job_count`; STABLE, so every statement inside sees that of the caller). So each event counts exactly once at
 * every moment, whatever rolls, ends or crashes meanwhile.
 *
 * **When an hour is over.** An ingest is stored under the moment its request arrived, at most one window (60 s) before the statement
 * that stores it, and an end under the moment of its own statement. So an event of an hour is written by a transaction that began
 * less than 60 s after the hour. The roll waits 15 minutes, in which every job of the hour has also run out of its window and its
 * provider no longer changes; and it waits on while a transaction that began less than two minutes after the hour still holds a
 * lock by which job rows are written: a suspended or stuck backend delays the roll instead of escaping it.
 *
 * **When the clock goes back.** Then rows may be written into hours that were rolled. The mark goes back with it and those hours are
 * counted anew, but never behind `deleted_until`: what was deleted can only be known from the tallies.
 */
export const tallies: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table tally_mark (
  is_only       boolean primary key default true check (is_only),
  rolled_until  timestamptz not null default '-infinity',
  deleted_until timestamptz not null default '-infinity'
);
insert into tally_mark default values;

-- latency: of the successes, bucket and count in turn, as [57, 3, 58, 1]; read as text, so that nothing has to be turned into text
create table tally_hour (
  slot_id         text not null,
  starts_at       timestamptz not null,
  provider_id     text not null,
  ingest_count    int not null,
  success         int not null,
  timeouts        int not null,
  provider_errors int not null,
  cancelled       int not null,
  latency         json not null,
  primary key (slot_id, starts_at, provider_id)
);
-- whole days before the mark: what 90 days are read from
create table tally_day (like tally_hour including all);

-- final jobs that ended before the mark and are still in the table; by week of their end, so that little is counted anew when the
-- clock goes back, and 400 days are some thousand rows
create table job_kept (
  week           timestamptz not null,
  slot_id        text not null,
  status         text not null,
  failure_reason text,
  jobs           int not null,
  unique nulls not distinct (week, slot_id, status, failure_reason)
);

create function hour_of(t timestamptz) returns timestamptz language sql immutable as $$
  select date_bin('1 hour', t, '2000-01-01T00:00:00Z') $$;
create function day_of(t timestamptz) returns timestamptz language sql immutable as $$
  select date_bin('1 day', t, '2000-01-01T00:00:00Z') $$;
create function week_of(t timestamptz) returns timestamptz language sql immutable as $$
  select date_bin('7 days', t, '2000-01-03T00:00:00Z') $$;

-- eight buckets an octave from 10 ms to 600 s: bucket 0 ends at 10 ms, bucket i at 10 ms * 2^(i/8); src/domain/latency.ts reads them
create function latency_bucket(took interval) returns int language sql immutable as $$
  select least(127, greatest(0, ceil(8 * ln(greatest(extract(epoch from took)::float8 * 1000, 10) / 10) / ln(2::float8))))::int $$;

-- from the rows: what happened from p_from until before p_to, by hour; the first hour begins at p_from
create function count_events(p_from timestamptz, p_to timestamptz, p_slots text[], p_provider text)
returns setof tally_hour language sql stable as $$
  with event as (
    select slot_id, hour_of(created_at) as hour, coalesce(result_provider_id, provider_id) as provider,
      true as is_ingest, null::text as reason, null::int as bucket
    from job where is_finalized and not is_test and slot_id = any (p_slots) and created_at >= p_from and created_at < p_to
    union all
    select slot_id, hour_of(created_at), provider_id, true, null, null
    from job where not is_finalized and not is_test and slot_id = any (p_slots) and created_at >= p_from and created_at < p_to
    union all
    select slot_id, hour_of(finalized_at), coalesce(result_provider_id, provider_id), false, failure_reason,
      case when failure_reason is null then latency_bucket(finalized_at - created_at) end
    from job where is_finalized and not is_test and slot_id = any (p_slots) and finalized_at >= p_from and finalized_at < p_to
  ), counted as (
    select slot_id, hour, provider, is_ingest, reason, bucket, count(*)::int as n from event
    where p_provider is null or provider = p_provider group by 1, 2, 3, 4, 5, 6
  )
  select slot_id, greatest(hour, p_from), provider, coalesce(sum(n) filter (where is_ingest), 0)::int,
    coalesce(sum(n) filter (where bucket is not null), 0)::int, coalesce(sum(n) filter (where reason = 'timeout'), 0)::int,
    coalesce(sum(n) filter (where reason = 'provider_error'), 0)::int, coalesce(sum(n) filter (where reason = 'cancelled'), 0)::int,
    ('[' || coalesce(string_agg(bucket || ',' || n, ',' order by bucket), '') || ']')::json
  from counted group by slot_id, hour, provider $$;

-- what happened from p_from until before p_to: whole hours before the mark from the tallies (days where hours are not wanted), the
-- rest from the rows
create function event_tally(p_from timestamptz, p_to timestamptz, p_slots text[], p_provider text, p_by_hour boolean)
returns setof tally_hour language plpgsql stable as $$
declare
  first timestamptz := hour_of(p_from + interval '1 hour' - interval '1 microsecond');
  last timestamptz := hour_of(least(p_to, (select rolled_until from tally_mark)));
  first_day timestamptz; last_day timestamptz;
begin
  if first >= last then
    return query select * from count_events(p_from, p_to, p_slots, p_provider);
    return;
  end if;
  first_day := case when p_by_hour then last else least(day_of(first + interval '1 day' - interval '1 microsecond'), last) end;
  last_day := greatest(first_day, day_of(last));
  if p_from < first then return query select * from count_events(p_from, first, p_slots, p_provider); end if;
  if first < first_day then
    return query select * from tally_hour t where t.slot_id = any (p_slots) and t.starts_at >= first and t.starts_at < first_day
      and (p_provider is null or t.provider_id = p_provider);
  end if;
  if first_day < last_day then
    return query select * from tally_day t where t.slot_id = any (p_slots) and t.starts_at >= first_day and t.starts_at < last_day
      and (p_provider is null or t.provider_id = p_provider);
  end if;
  if last_day < last then
    return query select * from tally_hour t where t.slot_id = any (p_slots) and t.starts_at >= last_day and t.starts_at < last
      and (p_provider is null or t.provider_id = p_provider);
  end if;
  if last < p_to then return query select * from count_events(last, p_to, p_slots, p_provider); end if;
end $$;

-- how many jobs there are now; a null means any
create function job_count(p_slot text, p_status text, p_is_finalized boolean, p_reason text) returns bigint language plpgsql stable as $$
declare mark timestamptz := (select rolled_until from tally_mark); n bigint := 0;
begin
  if p_is_finalized is distinct from true and p_reason is null then
    n := n + (select count(*) from job where not is_finalized and (p_slot is null or slot_id = p_slot) and (p_status is null or status = p_status));
  end if;
  if p_is_finalized is distinct from false then
    n := n + (select coalesce(sum(jobs), 0) from job_kept where (p_slot is null or slot_id = p_slot)
        and (p_status is null or status = p_status) and (p_reason is null or failure_reason = p_reason))
      + (select count(*) from job where is_finalized and finalized_at >= mark and (p_slot is null or slot_id = p_slot)
        and (p_status is null or status = p_status) and (p_reason is null or failure_reason = p_reason));
  end if;
  return n;
end $$;

-- the days from p_from until before p_to, from their hours
create function tally_days(p_from timestamptz, p_to timestamptz) returns void language sql as $$
  with hour as (
    select *, day_of(starts_at) as day, translate(latency::text, '[]', '{}')::int[] as pairs
    from tally_hour where slot_id in (select id from slot) and starts_at >= p_from and starts_at < p_to
  ), bucket as (
    select slot_id, day, provider_id, h.pairs[2 * i - 1] as bucket, sum(h.pairs[2 * i]) as n
    from hour h cross join generate_series(1, cardinality(h.pairs) / 2) i group by 1, 2, 3, 4
  ), latency as (
    select slot_id, day, provider_id, ('[' || string_agg(bucket || ',' || n, ',' order by bucket) || ']')::json as latency
    from bucket group by 1, 2, 3
  ), counted as (
    select slot_id, day, provider_id, sum(ingest_count) as ingest_count, sum(success) as success, sum(timeouts) as timeouts,
      sum(provider_errors) as provider_errors, sum(cancelled) as cancelled
    from hour group by 1, 2, 3
  )
  insert into tally_day select slot_id, day, provider_id, ingest_count, success, timeouts, provider_errors, cancelled, coalesce(latency, '[]')
  from counted left join latency using (slot_id, day, provider_id) $$;

-- lets everything from p_until on be counted anew
create function tally_unroll(p_until timestamptz) returns void language plpgsql as $$
begin
  delete from tally_hour where starts_at >= p_until;
  delete from tally_day where starts_at >= day_of(p_until);
  delete from job_kept where week >= week_of(p_until);
  insert into job_kept select week_of(p_until), slot_id, status, failure_reason, count(*) from job
    where is_finalized and finalized_at >= week_of(p_until) and finalized_at < p_until group by 2, 3, 4;
  update tally_mark set rolled_until = p_until;
end $$;

-- one bite: the next p_hours hours from the next event on, of those that were over at p_now. rolled | unrolled (call again) | done | later (an old transaction is
-- open) | busy (another process is at it)
create function tally_roll(p_hours int, p_now timestamptz default clock_timestamp()) returns text language plpgsql as $$
declare
  mark tally_mark; slots text[] := array(select id from slot);
  ends timestamptz := hour_of(p_now - interval '15 minutes');
  begins timestamptz;
begin
  select * into mark from tally_mark for no key update skip locked;
  if not found then return 'busy'; end if;
  if mark.rolled_until > ends then
    ends := greatest(ends, hour_of(mark.deleted_until) + interval '1 hour');
    if ends >= mark.rolled_until then return 'done'; end if;
    perform tally_unroll(ends);
    return 'unrolled';
  end if;
  if exists (select from pg_locks l left join pg_stat_activity a using (pid)
      where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
        and l.relation = 'job'::regclass and l.mode in ('RowShareLock', 'RowExclusiveLock') and l.pid is distinct from pg_backend_pid()
        and coalesce(a.xact_start, '-infinity') < ends + interval '2 minutes') then
    return 'later';
  end if;
  select hour_of(least(
      (select min(first) from unnest(slots) s(id) cross join lateral (select created_at as first from job
        where is_finalized and slot_id = s.id and created_at >= mark.rolled_until order by created_at limit 1) j),
      (select min(created_at) from job where not is_finalized and created_at >= mark.rolled_until),
      (select min(finalized_at) from job where is_finalized and finalized_at >= mark.rolled_until))) into begins;
  if begins is null or begins >= ends then return 'done'; end if;
  ends := least(ends, begins + p_hours * interval '1 hour');
  insert into tally_hour select * from count_events(begins, ends, slots, null);
  insert into job_kept as k select week_of(finalized_at), slot_id, status, failure_reason, count(*) from job
    where is_finalized and finalized_at >= begins and finalized_at < ends group by 1, 2, 3, 4
    on conflict (week, slot_id, status, failure_reason) do update set jobs = k.jobs + excluded.jobs;
  delete from job_kept where jobs <= 0;
  perform tally_days(case when mark.rolled_until = '-infinity' then day_of(begins) else day_of(mark.rolled_until) end, day_of(ends));
  update tally_mark set rolled_until = ends;
  return 'rolled';
end $$;
`)
      .execute(db);
  },
};
