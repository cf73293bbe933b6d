import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Webhooks, and what is to be told to each. A delivery is made by a trigger in the transaction that makes a job final, so no way to
 * end a job can forget it; test runs tell nothing. What is told is read from the job's row when it is sent: a final row does not change.
 *
 * No foreign keys: a finishing job would lock the webhook's row and wait for whoever deletes it. A delivery that was made while its
 * webhook was deleted is never claimed, and goes with the clean-up.
 */
export const webhooks: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table webhook (
  id                    uuid primary key default uuidv7(),
  url                   text not null check (length(url) between 1 and 2000),
  is_enabled            boolean not null default true,
  events                text[] not null check (cardinality(events) > 0 and events <@ array['job.succeeded', 'job.failed']),
  -- null: of all slots
  slot_ids              text[] check (cardinality(slot_ids) > 0),
  -- until when the secret that was replaced last goes on signing
  previous_secret_until timestamptz(3),
  created_at            timestamptz(3) not null default clock_timestamp(),
  created_by            text not null,
  updated_at            timestamptz(3) not null default clock_timestamp(),
  updated_by            text not null
);

create table webhook_delivery (
  id              uuid primary key default uuidv7(),
  webhook_id      uuid not null,
  type            text not null check (type in ('job.succeeded', 'job.failed', 'webhook.test')),
  job_id          uuid,
  state           text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  -- also the fence: what a try came to is kept only while it is the last one
  attempts        int not null default 0 check (attempts >= 0),
  -- of a delivery that is being tried: when another process may try it
  due_at          timestamptz(3) not null default clock_timestamp(),
  -- when the first try was due, of those since it was last asked for
  started_at      timestamptz(3) not null default clock_timestamp(),
  last_attempt_at timestamptz(3),
  last_status     int check (last_status between 100 and 599),
  last_error      text check (length(last_error) <= 400),
  created_at      timestamptz(3) not null default clock_timestamp(),
  -- when the state last changed
  changed_at      timestamptz(3) not null default clock_timestamp(),
  constraint webhook_delivery_job check ((job_id is null) = (type = 'webhook.test'))
) with (autovacuum_vacuum_scale_factor = 0.05);
create index webhook_delivery_due on webhook_delivery (webhook_id, due_at) where state = 'pending';
create index webhook_delivery_list on webhook_delivery (webhook_id, created_at, id);
create index webhook_delivery_state on webhook_delivery (state, changed_at);

create function webhook_tell_final() returns trigger language plpgsql as $$
begin
  -- without webhooks this is all that a finishing job pays
  if not exists (select from webhook where is_enabled) then return null; end if;
  if new.is_test then return null; end if;
  insert into webhook_delivery (webhook_id, type, job_id)
    select w.id, e.type, new.id
    from webhook w, (select case when new.failure_reason is null then 'job.succeeded' else 'job.failed' end) e (type)
    where w.is_enabled and e.type = any (w.events) and (w.slot_ids is null or new.slot_id = any (w.slot_ids));
  return null;
end $$;
create trigger job_told after update on job for each row
  when (new.is_finalized and not old.is_finalized) execute function webhook_tell_final();

create function webhook_delivery_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('webhook_due', '');
  return null;
end $$;
-- claims and their ends do not name started_at: only what is new, or asked for again, wakes anybody
create trigger webhook_delivery_asked after insert or update of started_at on webhook_delivery
  for each statement execute function webhook_delivery_notify();
`)
      .execute(db);
  },
};
