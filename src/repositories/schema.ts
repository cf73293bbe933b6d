import { sql } from 'kysely';
import type { Db } from '../db/db.ts';
import { schemaVersion } from '../db/migrate.ts';
import { migrations } from '../db/migrations/index.ts';

/** Whether the database answers at all. Rejects when it does not. */
export async function pingDatabase(db: Db): Promise<void> {
  await sql`select 1`.execute(db.kysely);
}

/** The newest migration that the database has, and the one this build needs. */
export async function findSchemaState(db: Db): Promise<{ found: string | undefined; needed: string | undefined }> {
  return { found: await schemaVersion(db.kysely), needed: Object.keys(migrations).at(-1) };
}
