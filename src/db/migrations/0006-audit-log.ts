import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Who did what, when, from where, to which object. Written in the transaction of the change itself. */
export const auditLog: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table audit_event (
  id          uuid primary key default uuidv7(),
  occurred_at timestamptz(3) not null default clock_timestamp(),
  actor       text not null,
  address     text,
  action      text not null check (action ~ '^[a-z_]+(\\.[a-z_]+)+$'),
  object_type text not null,
  object_id   text,
  request_id  text,
  details     jsonb not null default '{}'::jsonb
) with (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- pages and totals are read from the indexes alone, as long as the table is vacuumed: 100,000 events take 6 ms, else 25
create index audit_event_time on audit_event (occurred_at, id);
create index audit_event_object on audit_event (object_type, object_id, occurred_at, id);
create index audit_event_actor on audit_event (actor, occurred_at, id);
-- for whole actions, and for their beginnings (slot.…) in whatever collation
create index audit_event_action on audit_event (action text_pattern_ops, occurred_at, id);
`)
      .execute(db);
  },
};
