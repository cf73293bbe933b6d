/** The tables of who may do what, and of who did, as Kysely sees them. */
import type { Generated, JSONColumnType } from 'kysely';
import type { GeneratedTimestamp, Timestamp } from './timestamp-columns.ts';

type Json = JSONColumnType<Record<string, unknown>>;

/** Who did what, when, from where. */
export interface AuditEventTable {
  id: Generated<string>;
  occurred_at: GeneratedTimestamp;
  actor: string;
  address: string | null;
  action: string;
  object_type: string;
  object_id: string | null;
  request_id: string | null;
  details: Json;
}

/** Encrypted secrets, by name. */
export interface SecretTable {
  name: string;
  key_id: string;
  nonce: Buffer;
  ciphertext: Buffer;
  updated_at: GeneratedTimestamp;
  updated_by: string;
}

/** Who may sign in, and what each may do. */
export interface AdministratorTable {
  name: string;
  password_hash: string;
  permissions: string[];
  is_enabled: Generated<boolean>;
  token_generation: Generated<number>;
  last_login_at: Timestamp | null;
  created_at: GeneratedTimestamp;
  updated_at: GeneratedTimestamp;
}

/** The keys that sign access tokens, by id; the bytes are a secret. */
export interface TokenKeyTable {
  kid: string;
  created_at: GeneratedTimestamp;
  retired_at: Timestamp | null;
}

/** Counters that slow down guessing. */
export interface ThrottleTable {
  key: string;
  hits: Generated<number>;
  tried_at: Date[];
  locked_until: Timestamp | null;
  ends_at: Timestamp;
}
