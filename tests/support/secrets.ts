/** Secrets at rest of an installation under test, past any server. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../../src/config.ts';
import type { Db } from '../../src/db/db.ts';
import { createKysely } from '../../src/db/pool.ts';
import { createMasterKeys } from '../../src/main/master-keys.ts';
import { transaction } from '../../src/repositories/transaction.ts';
import { createSecretBox, type SecretBox } from '../../src/services/secrets/secret-box.ts';
import { storeSecret } from '../../src/services/secrets/store-secret.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** A database and a home of their own; no server. */
export interface Vault {
  readonly db: Db;
  readonly database: TestDatabase;
  readonly home: string;
  /** The configuration of a server with these further variables, without their prefix. */
  config(environment?: Readonly<Record<string, string>>): Config;
  /** The box of such a server. */
  box(environment?: Readonly<Record<string, string>>): SecretBox;
  /** Stores a secret as such a server does. */
  store(name: string, clear: string, environment?: Readonly<Record<string, string>>): Promise<void>;
  /** The ids of the master keys by the names of the secrets. */
  keyIds(): Promise<Record<string, string>>;
  end(): Promise<void>;
}

export async function createVault(): Promise<Vault> {
  const database = await createTestDatabase();
  const db = { pool: database.pool, kysely: createKysely(database.pool) };
  const home = mkdtempSync(join(tmpdir(), 'photochanger-vault-'));
  const config: Vault['config'] = (environment = {}) => {
    const values = { HOME: home, DATABASE_URL: database.url, PORT: '0', MEDIA_FREE_BYTES_MIN: '0', ...environment };
    return readConfig(
      Object.fromEntries(Object.entries(values).map(([name, value]) => [`PHOTOCHANGER_${name}`, value])),
    );
  };
  const box: Vault['box'] = (environment) => createSecretBox(createMasterKeys(config(environment)));
  return {
    db,
    database,
    home,
    config,
    box,
    store: (name, clear, environment) =>
      transaction(db, (step) => storeSecret(box(environment), step, { name, clear, updatedBy: 'test' })),
    keyIds: async () => {
      const { rows } = await database.pool.query<{ name: string; key_id: string }>('select name, key_id from secret');
      return Object.fromEntries(rows.map((row) => [row.name, row.key_id]));
    },
    end: async () => {
      await database.drop();
      if (existsSync(home)) rmSync(home, { recursive: true });
    },
  };
}
