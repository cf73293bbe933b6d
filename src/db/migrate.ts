import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { Pool } from 'pg';
import { migrations as ownMigrations } from './migrations/index.ts';
import { createKysely, createPool } from './pool.ts';

const MIGRATION_TABLE = 'kysely_migration';
/** Of no meaning, but unlike every other advisory lock of the program. */
const MIGRATE_LOCK = 7_460_611;

/** The database holds migrations this build does not have: a newer build has been here. */
export class SchemaTooNewError extends Error {
  readonly unknownMigrations: readonly string[];

  constructor(unknownMigrations: readonly string[]) {
    super(
      `The database was migrated by a newer build (unknown here: ${unknownMigrations.join(', ')}). ` +
        'Start that build, or restore a backup from before; this one would not keep the rules of the newer schema',
    );
    this.name = 'SchemaTooNewError';
    this.unknownMigrations = unknownMigrations;
  }
}

/** A migration failed; nothing of this run was applied. The cause is the database's own error. */
export class MigrationError extends Error {
  constructor(migration: string | undefined, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `${migration === undefined ? 'The migrations' : `Migration ${migration}`} failed, nothing was changed: ${reason}`,
      { cause },
    );
    this.name = 'MigrationError';
  }
}

// biome-ignore lint/suspicious/noExplicitAny: before a migration the tables are not those of Database
type AnyKysely = Kysely<any>;

async function appliedMigrations(db: AnyKysely): Promise<string[]> {
  const found = await sql<{ exists: boolean }>`select to_regclass(${MIGRATION_TABLE}) is not null as exists`.execute(
    db,
  );
  if (found.rows[0]?.exists !== true) return [];
  const rows = await db.selectFrom(MIGRATION_TABLE).select('name').orderBy('timestamp').orderBy('name').execute();
  return rows.map(({ name }) => name as string);
}

/** The name of the newest migration in the database; `undefined` for one that was never migrated. */
export async function schemaVersion(db: AnyKysely): Promise<string | undefined> {
  return (await appliedMigrations(db)).at(-1);
}

async function migrateLocked(db: AnyKysely, migrations: Record<string, Migration>): Promise<string[]> {
  const unknown = (await appliedMigrations(db)).filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0) throw new SchemaTooNewError(unknown);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw new MigrationError(results.find(({ status }) => status === 'Error')?.migrationName, error);
  return results.map(({ migrationName }) => migrationName);
}

/** Two builds, or Kysely's own `create table if not exists`, must not interleave: the check and the run are one locked step. */
async function migrate(pool: Pool, migrations: Record<string, Migration>): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK]);
    return await migrateLocked(createKysely(pool), migrations);
  } finally {
    client.release(true);
  }
}

/**
 * Brings the schema to this build's newest migration and returns the names applied now, in their order; all in one
 * transaction, so it is all or nothing. Processes that call it at once wait for each other, and the later ones find nothing
 * to do. May run at every start.
 *
 * A pool must have room for two connections, and its statement timeout binds the migrations too; given a connection string,
 * a pool without one is opened and ended here.
 *
 * @throws {SchemaTooNewError} when the database knows migrations that this build does not. It refuses even where the newer
 *   schema only added things: an old build keeps neither new rules nor new states, and that shows only in the data.
 * @throws {MigrationError} with the database's error as its cause.
 */
export async function migrateToLatest(
  target: Pool | string,
  migrations: Record<string, Migration> = ownMigrations,
): Promise<string[]> {
  if (target instanceof Pool) return migrate(target, migrations);
  const pool = createPool({
    connectionString: target,
    poolSize: 2,
    applicationName: 'photochanger-migrate',
    statementTimeoutMs: 0,
    onError: () => {},
  });
  try {
    return await migrate(pool, migrations);
  } finally {
    await pool.end();
  }
}
