/** A whole server inside the test's process: real database, real files, real HTTP; answers are checked as if closed. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { responseValidators } from '../../generated/validators-strict.js';
import { readConfig } from '../../src/config.ts';
import type { Db } from '../../src/db/db.ts';
import { createKysely } from '../../src/db/pool.ts';
import { createLog } from '../../src/log.ts';
import { type RunningServer, startServer } from '../../src/main/start-server.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

export const INGEST_PASSWORD = 'test-ingest-password';

export interface TestServer {
  readonly url: string;
  readonly db: Db;
  readonly database: TestDatabase;
  readonly mediaRoot: string;
  readonly running: RunningServer;
  /** Every line the server logged, as text. */
  readonly logged: string[];
  /** The files below the media root, relative, sorted; what a failed request may not leave behind. */
  files(): Promise<string[]>;
  /** Stops the server, drops the database, removes the home folder. */
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** Variables without their prefix. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing database, shared by several servers; dropped by whoever made it. */
  readonly database?: TestDatabase;
  readonly mediaRoot?: string;
}

/** Starts a server on a free port. */
export async function startTestServer({
  environment = {},
  database: shared,
  mediaRoot,
}: TestServerOptions = {}): Promise<TestServer> {
  const database = shared ?? (await createTestDatabase());
  const home = await mkdtemp(join(tmpdir(), 'photochanger-test-'));
  const logged: string[] = [];
  const variables = {
    HOME: home,
    PORT: '0',
    DATABASE_URL: database.url,
    INGEST_PASSWORD,
    MEDIA_FREE_BYTES_MIN: '0',
    LOG_LEVEL: 'debug',
    ...(mediaRoot !== undefined && { MEDIA_ROOT: mediaRoot }),
    ...environment,
  };
  const config = readConfig(
    Object.fromEntries(Object.entries(variables).map(([name, value]) => [`PHOTOCHANGER_${name}`, value])),
  );
  const log = createLog(config.values.LOG_LEVEL, { write: (line: string) => void logged.push(line) });
  const running = await startServer(config, log, { strictResponses: responseValidators });
  let isStopped = false;
  return {
    url: running.publicBaseUrl,
    db: { pool: database.pool, kysely: createKysely(database.pool) },
    database,
    mediaRoot: config.mediaRoot,
    running,
    logged,
    files: () => filesBelow(config.mediaRoot),
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await running.stop();
      if (shared === undefined) await database.drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
