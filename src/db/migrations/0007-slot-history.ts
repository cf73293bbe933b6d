import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Earlier versions of slots, and the last requests each slot received.
 *
 * Triggers keep the history, so that no way of changing a slot can forget it: every statement that changes what is set up writes
 * one version, a statement that changes nothing of it (or only resets statistics) none. The 200 newest versions of a slot stay.
 */
export const slotHistory: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
alter table slot
  add column keep_original_hours int not null default 0 check (keep_original_hours between 0 and 720),
  add column version int not null default 1,
  add column updated_by text,
  add column fallback jsonb not null default '[]' check (jsonb_typeof(fallback) = 'array' and jsonb_array_length(fallback) <= 3),
  add column repeat_paid_calls text not null default 'when_uncertain' check (repeat_paid_calls in ('never', 'when_uncertain', 'always')),
  add column daily_budget numeric(12,4) check (daily_budget > 0),
  add column over_budget text not null default 'fallback' check (over_budget in ('fallback', 'stop'));

create table slot_version (
  slot_id             text not null references slot (id),
  version             int not null,
  change              text not null check (change in ('created', 'updated', 'restored')),
  restored_from       int check ((restored_from is not null) = (change = 'restored')),
  name                text not null,
  provider_id         text not null,
  operation_id        text not null,
  settings            jsonb not null,
  is_enabled          boolean not null,
  keep_original_hours int not null,
  fallback            jsonb not null,
  repeat_paid_calls   text not null,
  daily_budget        numeric(12,4),
  over_budget         text not null,
  changed_at          timestamptz(3) not null,
  changed_by          text,
  primary key (slot_id, version)
);
insert into slot_version (slot_id, version, change, name, provider_id, operation_id, settings, is_enabled, keep_original_hours,
  fallback, repeat_paid_calls, daily_budget, over_budget, changed_at)
select id, version, 'created', name, provider_id, operation_id, settings, is_enabled, keep_original_hours,
  fallback, repeat_paid_calls, daily_budget, over_budget, updated_at from slot;

create function slot_count_version() returns trigger language plpgsql as $$
begin
  new.version := old.version + ((new.name, new.provider_id, new.operation_id, new.settings, new.is_enabled, new.keep_original_hours,
      new.fallback, new.repeat_paid_calls, new.daily_budget, new.over_budget)
    is distinct from (old.name, old.provider_id, old.operation_id, old.settings, old.is_enabled, old.keep_original_hours,
      old.fallback, old.repeat_paid_calls, old.daily_budget, old.over_budget))::int;
  return new;
end $$;
create trigger slot_version_count before update on slot for each row execute function slot_count_version();

create function slot_keep_version() returns trigger language plpgsql as $$
begin
  insert into slot_version (slot_id, version, change, name, provider_id, operation_id, settings, is_enabled, keep_original_hours,
      fallback, repeat_paid_calls, daily_budget, over_budget, changed_at, changed_by)
    values (new.id, new.version, 'updated', new.name, new.provider_id, new.operation_id, new.settings, new.is_enabled, new.keep_original_hours,
      new.fallback, new.repeat_paid_calls, new.daily_budget, new.over_budget, new.updated_at, new.updated_by);
  delete from slot_version where slot_id = new.id and version <= new.version - 200;
  return null;
end $$;
create trigger slot_version_keep after update on slot for each row
  when (new.version > old.version) execute function slot_keep_version();

-- no foreign key: it would lock the slot's row at every flush
create table station_request (
  id          uuid primary key default uuidv7(),
  slot_id     text not null,
  received_at timestamptz(3) not null,
  client      text not null,
  password    text not null check (password in ('right', 'wrong', 'missing', 'unchecked')),
  count       int not null default 1 check (count > 0),
  status      int check (status between 100 and 599),
  code        text,
  message     text,
  job_id      uuid,
  duration_ms int not null check (duration_ms >= 0),
  arrived     jsonb not null,
  constraint station_request_code check ((code is null) = coalesce(status in (200, 202), false) and (code is not null or password = 'right'))
);
create index station_request_slot on station_request (slot_id, received_at desc, id desc);
-- without the right password one client has one place for each outcome: guessing cannot push honest entries out
create unique index station_request_unproved on station_request (slot_id, client, code) where password <> 'right';
`)
      .execute(db);
  },
};
