import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Purges that administrators asked for. They are worked off one after the other by whichever process holds the clean-up lock; a
 * `running` one that whoever gets the lock finds there was left by a process that died, and is run again.
 */
export const purges: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table media_purge (
  id             uuid primary key default uuidv7(),
  scope          text not null check (scope in ('full', 'media_objects')),
  is_dry_run     boolean not null,
  expires_cutoff timestamptz(3) not null default clock_timestamp(),
  requested_by   text not null,
  requested_at   timestamptz(3) not null default clock_timestamp(),
  state          text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
  started_at     timestamptz(3),
  finished_at    timestamptz(3),
  outcome        jsonb,
  error          text check (length(error) <= 1024),
  constraint media_purge_started check ((started_at is null) = (state = 'queued')),
  constraint media_purge_finished check ((finished_at is not null) = (state in ('done', 'failed'))
    and (outcome is not null) = (state = 'done') and (error is not null) = (state = 'failed'))
);
create index media_purge_open on media_purge (requested_at, id) where state in ('queued', 'running');
create index media_purge_time on media_purge (requested_at, id);

create function media_purge_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('media_purge', '');
  return null;
end $$;
create trigger media_purge_queued after insert on media_purge for each statement execute function media_purge_notify();
`)
      .execute(db);
  },
};
