import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Administrators, the ids of the keys that sign their tokens, and the counters that slow down guessing.
 *
 * `token_generation` stands in every token; raising it ends all tokens given before. It begins at a random number, so that a name
 * that is removed and given again does not revive old tokens.
 *
 * `throttle` is unlogged: a crash of the database forgets who guessed, and nothing is written twice for it. It is judged by the
 * database's clock alone; a lock or a window that ends later than it could have been set (the clock was put back) does not count.
 */
export const access: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table administrator (
  name             text primary key check (name ~ '^[a-z0-9._-]{3,64}$'),
  password_hash    text not null,
  permissions      text[] not null
    check (permissions <@ array['settings:read', 'settings:write', 'slots:write', 'stats:read']),
  is_enabled       boolean not null default true,
  token_generation integer not null default floor(random() * 1000000000)::integer,
  last_login_at    timestamptz(3),
  created_at       timestamptz(3) not null default clock_timestamp(),
  updated_at       timestamptz(3) not null default clock_timestamp()
);
create trigger administrator_touch before update of password_hash, permissions, is_enabled, token_generation
  on administrator for each row execute function touch_updated_at();

create table token_key (
  kid        text primary key check (kid ~ '^[0-9a-f]{16}$'),
  created_at timestamptz(3) not null default clock_timestamp(),
  retired_at timestamptz(3)
);
-- exactly one key signs at a time
create unique index token_key_signing on token_key ((true)) where retired_at is null;

create unlogged table throttle (
  key          text primary key check (length(key) <= 200),
  hits         integer not null default 0,
  tried_at     timestamptz[] not null default '{}',
  locked_until timestamptz,
  -- when nothing of the row matters any more
  ends_at      timestamptz not null
);
create index throttle_end on throttle (ends_at);

-- Counts one request in a window that begins with the first one. How long to wait in milliseconds: 0 is allowed.
create function count_request(p_key text, p_max integer, p_window interval) returns double precision
language sql as $$
  with counted as (
    insert into throttle as t (key, hits, ends_at) values (p_key, 1, clock_timestamp() + p_window)
    on conflict (key) do update set
      hits = case when t.ends_at between clock_timestamp() and clock_timestamp() + p_window
        then least(t.hits + 1, p_max + 1) else 1 end,
      ends_at = case when t.ends_at between clock_timestamp() and clock_timestamp() + p_window
        then t.ends_at else clock_timestamp() + p_window end
    returning t.hits, t.ends_at
  )
  select case when hits <= p_max then 0
    else greatest(1, extract(epoch from ends_at - clock_timestamp()) * 1000)::double precision end
  from counted
$$;

-- The tries of a key that count now.
create function recent_tries(p_tried_at timestamptz[], p_window interval, p_now timestamptz) returns timestamptz[]
language sql immutable as $$
  select coalesce(array_agg(at order by at), '{}') from unnest(p_tried_at) at where at > p_now - p_window and at <= p_now
$$;

-- Takes one try of every key, or of none when one of them has no more. A try counts from here on, so that tries at the same time
-- cannot pass the limit together; settle_try says what became of it. Where the tries are used up but not yet judged, the wait is a
-- second.
create function take_try(p_keys text[], p_maxes integer[], p_window interval, p_lock interval,
  out wait_ms double precision, out locked_key text, out taken_at timestamptz)
language plpgsql as $$
declare
  v_now timestamptz;
begin
  insert into throttle (key, ends_at) select k, clock_timestamp() + p_window from unnest(p_keys) k order by k
    on conflict (key) do update set key = excluded.key;
  v_now := clock_timestamp();
  select w.key, w.wait_ms into locked_key, wait_ms from (
    select k.key, case
      when t.locked_until > v_now and t.locked_until <= v_now + p_lock
        then greatest(1, extract(epoch from t.locked_until - v_now) * 1000)
      when cardinality(recent_tries(t.tried_at, p_window, v_now)) >= k.tries_max then 1000
      else 0 end as wait_ms
    from throttle t join unnest(p_keys, p_maxes) as k (key, tries_max) using (key)
  ) w order by w.wait_ms desc limit 1;
  if wait_ms > 0 then
    return;
  end if;
  taken_at := v_now;
  update throttle t
    set tried_at = recent_tries(t.tried_at, p_window, v_now) || v_now, locked_until = null, ends_at = v_now + p_window
    where t.key = any(p_keys);
end $$;

-- Says what became of a try. A failed one locks every key whose tries are used up; any other is taken back, and a lock that it
-- helped to make goes with it.
create function settle_try(p_keys text[], p_maxes integer[], p_window interval, p_lock interval,
  p_taken_at timestamptz, p_failed boolean) returns void
language plpgsql as $$
declare
  v_now timestamptz;
begin
  perform 1 from throttle where key = any(p_keys) order by key for update;
  v_now := clock_timestamp();
  update throttle t set
    tried_at = s.tries,
    locked_until = case
      when cardinality(s.tries) < s.tries_max then null
      when t.locked_until is null and p_failed then v_now + p_lock
      else t.locked_until end,
    ends_at = greatest(t.ends_at, v_now + p_lock)
  from (
    select k.key, k.tries_max, recent_tries(
      case when p_failed then o.tried_at else array_remove(o.tried_at, p_taken_at) end, p_window, v_now) as tries
    from unnest(p_keys, p_maxes) as k (key, tries_max) join throttle o using (key)
  ) s
  where t.key = s.key;
end $$;
`)
      .execute(db);
  },
};
