import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Slots and platform settings. The 15 slots exist from the first moment and are never created or deleted; only the first one
 * is enabled, with the built-in studio, so that a new installation answers a photo without a key and without a network.
 */
export const slotsAndSettings: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create function touch_updated_at() returns trigger language plpgsql as $$
begin
  -- strictly increasing, also when the clock steps back, so that what is sent back compares equal
  new.updated_at := greatest(clock_timestamp()::timestamptz(3), old.updated_at + interval '1 millisecond');
  return new;
end $$;

create table slot (
  id            text primary key check (id ~ '^slot-[0-9]{3}$'),
  name          text not null check (length(name) between 1 and 100),
  provider_id   text not null,
  operation_id  text not null,
  settings      jsonb not null default '{}'::jsonb check (jsonb_typeof(settings) = 'object'),
  is_enabled    boolean not null default false,
  last_reset_at timestamptz(3),
  created_at    timestamptz(3) not null default clock_timestamp(),
  updated_at    timestamptz(3) not null default clock_timestamp()
);
-- a reset of the statistics is no change of the slot: whoever edits it meanwhile has nothing to merge
create trigger slot_touch before update on slot for each row
  when (new.last_reset_at is not distinct from old.last_reset_at) execute function touch_updated_at();

insert into slot (id, name, provider_id, operation_id, settings, is_enabled)
select 'slot-' || lpad(n::text, 3, '0'), 'Slot ' || n, 'studio', 'filter', '{"effect": "vintage"}'::jsonb, n = 1
from generate_series(1, 15) n;

create table platform_setting (
  key        text primary key,
  value      jsonb not null,
  updated_at timestamptz(3) not null default clock_timestamp(),
  updated_by text not null
);
create trigger platform_setting_touch before update on platform_setting for each row execute function touch_updated_at();

create function platform_setting_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('settings_changed', '');
  return null;
end $$;
create trigger platform_setting_changed after insert or update or delete on platform_setting
  for each statement execute function platform_setting_notify();
create trigger slot_changed after insert or update or delete on slot
  for each statement execute function platform_setting_notify();
`)
      .execute(db);
  },
};
