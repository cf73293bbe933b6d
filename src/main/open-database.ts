import type { Config } from '../config.ts';
import type { Db } from '../db/db.ts';
import { openEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import { migrateToLatest } from '../db/migrate.ts';
import { createKysely, createPool } from '../db/pool.ts';
import type { Log } from '../log.ts';
import { keepRehearsalApart } from './rehearsal-home.ts';

/** Below the 5 s after which this side gives a statement up (`src/db/db.ts`): what was given up must not take effect later. */
const STATEMENT_TIMEOUT_MS = 4_000;

/** An open, migrated database. */
export interface OpenDatabase {
  readonly db: Db;
  readonly url: string;
  /** Ends the pool, and the embedded server when this process owns it. */
  close(): Promise<void>;
}

/** Opens the database of the configuration, or the embedded one in the home folder, and brings its schema up to date. */
export async function openDatabase(config: Config, log: Log): Promise<OpenDatabase> {
  keepRehearsalApart(config);
  const external = config.values.DATABASE_URL;
  const embedded = external === undefined ? await openEmbeddedPostgres({ home: config.homePath, log }) : undefined;
  const url = external ?? (embedded?.url as string);
  try {
    const applied = await migrateToLatest(url);
    if (applied.length > 0) log.info({ migrations: applied }, 'schema migrated');
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
  const pool = createPool({
    connectionString: url,
    poolSize: config.values.DATABASE_POOL_SIZE,
    applicationName: `photochanger-${config.values.ROLE}`,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    onError: (error) => log.warn({ err: error }, 'a database connection broke'),
  });
  return {
    db: { pool, kysely: createKysely(pool) },
    url,
    async close() {
      await pool.end();
      await embedded?.stop();
    },
  };
}
