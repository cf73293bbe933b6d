import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Template pictures and short-lived public media. A deleted template keeps its row, and so its file, until no unfinished job can
 * need it; a media object keeps its row without a file, so that its link goes on answering that it is over.
 */
export const media: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table template_media (
  id          uuid primary key,
  slot_id     text not null references slot (id),
  setting_key text not null check (setting_key ~ '^[a-z_]+_media_ids?$'),
  label       text check (length(label) between 1 and 100),
  path        text not null unique,
  mime_type   text not null,
  size_bytes  int not null check (size_bytes > 0),
  checksum    text not null check (checksum ~ '^[0-9a-f]{64}$'),
  has_alpha   boolean not null,
  uploaded_by text not null,
  created_at  timestamptz(3) not null default clock_timestamp(),
  deleted_at  timestamptz(3)
);
-- one template a key, but for the keys that take several; also how an ingest finds a slot's templates
create unique index template_media_single on template_media (slot_id, setting_key) where deleted_at is null and setting_key !~ '_ids$';
create index template_media_live on template_media (slot_id, setting_key, created_at) where deleted_at is null;
create index template_media_deleted on template_media (deleted_at) where deleted_at is not null;

create table media_object (
  id         uuid primary key,
  job_id     uuid,
  path       text unique,
  mime_type  text not null,
  size_bytes int not null check (size_bytes > 0),
  checksum   text not null check (checksum ~ '^[0-9a-f]{64}$'),
  created_by text not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null check (expires_at > created_at)
);
-- no foreign key: a job's row goes after its own time, and until then it would be locked by every registration
create index media_object_live on media_object (expires_at) where path is not null;
create index media_object_over on media_object (expires_at) where path is null;
create index media_object_created on media_object (created_at);
`)
      .execute(db);
  },
};
