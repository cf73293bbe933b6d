import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Provider keys and token keys, encrypted. `updated_at` is when the secret itself was set: encrypting it with another key does not
 * move it, so no trigger touches it.
 */
export const secrets: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql
      .raw(`
create table secret (
  name       text primary key check (name ~ '^[a-z0-9][a-z0-9:._-]{0,119}$'),
  key_id     text not null check (key_id ~ '^[0-9a-f]{16}$'),
  nonce      bytea not null check (octet_length(nonce) = 12),
  -- the text and a tag of 16 bytes
  ciphertext bytea not null check (octet_length(ciphertext) between 17 and 8192),
  updated_at timestamptz(3) not null default clock_timestamp(),
  updated_by text not null
);
create trigger secret_changed after insert or update or delete on secret
  for each statement execute function platform_setting_notify();

-- the answers of the last minutes, for the health of providers
create index processing_log_answers on processing_log (occurred_at) where status = 'provider_responded';
`)
      .execute(db);
  },
};
