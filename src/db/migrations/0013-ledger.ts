import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What the ledger says of whole days, counted once, and which slots were told of as near the end of their budget.
 *
 * `provider_call` stays the only truth, and no call touches a counter. Days that ended more than an hour ago are counted afterwards,
 * by `call_roll`, which moves the mark `rolled_until` in the same transaction; whoever reads takes the days before the mark from
 * `call_day` and everything else from the rows, in one snapshot (`call_figures`). A late answer that changes a row of a day that is
 * counted already moves the mark back, so that the day is read from its rows until it is counted anew. Days whose rows were deleted
 * stay counted.
 */
export const ledger: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table call_mark (
  is_only      boolean primary key default true check (is_only),
  rolled_until timestamptz not null default '-infinity'
);
insert into call_mark default values;

-- slot_id: a slot, or 'all'; outcomes: how many calls ended how
create table call_day (
  slot_id       text not null,
  day           date not null,
  provider_id   text not null,
  model         text not null,
  is_test       boolean not null,
  outcomes      json not null,
  charged_no    int not null,
  charged_maybe int not null,
  charged_yes   int not null,
  known         numeric not null, -- price of the calls that were charged
  possible      numeric not null, -- price of those that perhaps were
  unpriced      int not null,     -- of both, those whose price is not known
  primary key (slot_id, day, provider_id, model, is_test)
);

-- from the rows: the calls of these slots, of each or all together, that ended from p_from until before p_to
create function count_calls(p_from timestamptz, p_to timestamptz, p_slots text[], p_together boolean) returns setof call_day
language sql stable as $$
  with outcome as (
    select case when p_together then 'all' else slot_id end as slot_id, (ended_at at time zone 'UTC')::date as day, provider_id, model,
      is_test, outcome, count(*) as calls, count(*) filter (where charged = 'no') as charged_no,
      count(*) filter (where charged = 'maybe') as charged_maybe, count(*) filter (where charged = 'yes') as charged_yes,
      sum(price) filter (where charged = 'yes') as known, sum(price) filter (where charged = 'maybe') as possible,
      count(*) filter (where charged <> 'no' and price is null) as unpriced
    from provider_call where slot_id = any (p_slots) and ended_at >= p_from and ended_at < p_to group by 1, 2, 3, 4, 5, 6
  )
  select slot_id, day, provider_id, model, is_test, json_object_agg(outcome, calls order by outcome), sum(charged_no)::int,
    sum(charged_maybe)::int, sum(charged_yes)::int, coalesce(sum(known), 0), coalesce(sum(possible), 0), sum(unpriced)::int
  from outcome group by 1, 2, 3, 4, 5 $$;

-- the calls of whole days, from p_from until before p_to; a null slot means all together
create function call_figures(p_from timestamptz, p_to timestamptz, p_slot text) returns setof call_day language plpgsql stable as $$
declare mark timestamptz := (select rolled_until from call_mark);
begin
  return query select * from call_day where slot_id = coalesce(p_slot, 'all')
    and day >= (p_from at time zone 'UTC')::date and day < (least(p_to, mark) at time zone 'UTC')::date;
  if p_to > mark then
    return query select * from count_calls(greatest(p_from, mark), p_to,
      case when p_slot is null then array(select id from slot) else array[p_slot] end, p_slot is null);
  end if;
end $$;

-- one bite: the next p_days days from the next call on, of those that were over for an hour at p_now. rolled | unrolled (call again)
-- | done | later (an old transaction is open) | busy (another process is at it)
create function call_roll(p_days int, p_now timestamptz default clock_timestamp()) returns text language plpgsql as $$
declare mark timestamptz; begins timestamptz; ends timestamptz := day_of(p_now - interval '1 hour');
begin
  select rolled_until into mark from call_mark for no key update skip locked;
  if not found then return 'busy'; end if;
  if mark > ends then
    -- the clock went back; what was counted of rows that are gone stays
    ends := greatest(ends, day_of((select min(ended_at) from provider_call)) + interval '1 day');
    if ends >= mark then return 'done'; end if;
    update call_mark set rolled_until = ends;
    return 'unrolled';
  end if;
  if exists (select from pg_locks l left join pg_stat_activity a using (pid)
      where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
        and l.relation = 'provider_call'::regclass and l.mode = 'RowExclusiveLock' and l.pid is distinct from pg_backend_pid()
        and coalesce(a.xact_start, '-infinity') < ends + interval '2 minutes') then
    return 'later';
  end if;
  begins := day_of((select min(ended_at) from provider_call where ended_at >= mark));
  if begins is null or begins >= ends then return 'done'; end if;
  ends := least(ends, begins + p_days * interval '1 day');
  delete from call_day where day >= (begins at time zone 'UTC')::date and day < (ends at time zone 'UTC')::date;
  insert into call_day select * from count_calls(begins, ends, array(select id from slot), false);
  insert into call_day select * from count_calls(begins, ends, array(select id from slot), true);
  update call_mark set rolled_until = ends;
  return 'rolled';
end $$;

create function call_unroll() returns trigger language plpgsql as $$
begin
  update call_mark set rolled_until = day_of(old.ended_at) where rolled_until > old.ended_at;
  return null;
end $$;
-- what ended less than an hour ago is in no day that is counted
create trigger provider_call_changed after update on provider_call for each row
  when (old.ended_at < now() - interval '50 minutes') execute function call_unroll();

-- of which slots it was said on which day that their budget is nearly, or wholly, used up
create table budget_notice (
  slot_id text not null,
  day     date not null,
  state   text not null check (state in ('warned', 'used_up')),
  primary key (slot_id, day, state)
);
`)
      .execute(db);
  },
};
