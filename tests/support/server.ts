/** A whole server inside the test's process: real database, real files, real HTTP; answers are checked as if closed. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { responseValidators } from '../../generated/validators-strict.js';
import { postPhoto, type StationAnswer, type StationRequestOptions } from '../../scripts/station.ts';
import { readConfig } from '../../src/config.ts';
import type { Db } from '../../src/db/db.ts';
import { createKysely } from '../../src/db/pool.ts';
import { createLog } from '../../src/log.ts';
import type { RunningServer } from '../../src/main/running-server.ts';
import { startServer } from '../../src/main/start-server.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createLogBook, type LogBook } from './log-book.ts';

export const INGEST_PASSWORD = 'test-ingest-password';

/** One for all servers, because several of them, each with a home of its own, share a database. */
export const MASTER_KEY = Buffer.alloc(32, 'test master key ').toString('base64');

/** A photo on its way to a slot, as the station sends it unless it is said otherwise. */
export type PhotoToPost = Partial<Omit<StationRequestOptions, 'url'>> & {
  readonly photo: Buffer;
  readonly slotId?: string;
  /** What stands behind the path, with its question mark. */
  readonly search?: string;
  readonly signal?: AbortSignal;
};

export interface TestServer extends LogBook {
  readonly url: string;
  readonly port: number;
  readonly db: Db;
  readonly database: TestDatabase;
  readonly mediaRoot: string;
  readonly running: RunningServer;
  /** The files below the media root, relative, sorted; what a failed request may not leave behind. */
  files(): Promise<string[]>;
  /** Posts a photo as a station does, by default to `slot-001` and with the right password. */
  post(photo: PhotoToPost): Promise<StationAnswer>;
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

/** A test never waits longer for an answer; far above every window that tests use. */
const PATIENCE_MS = 18_000;

/** Starts a server on a free port. When it is stopped, it waits at most a second for requests that a failed test left open. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.database ?? (await createTestDatabase());
  const home = await mkdtemp(join(tmpdir(), 'photochanger-test-'));
  const book = createLogBook();
  const config = readConfig(variables(options, database, home));
  const running = await startServer(config, createLog(config.values.LOG_LEVEL, book), {
    strictResponses: responseValidators,
  });
  let isStopped = false;
  return {
    ...book,
    url: running.publicBaseUrl,
    port: running.address?.port ?? 0,
    db: { pool: database.pool, kysely: createKysely(database.pool) },
    database,
    mediaRoot: config.mediaRoot,
    running,
    files: () => filesBelow(config.mediaRoot),
    post: (photo) => post(running.publicBaseUrl, photo),
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await running.stop();
      if (options.database === undefined) await database.drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function variables(
  { environment = {}, mediaRoot }: TestServerOptions,
  database: TestDatabase,
  home: string,
): Record<string, string> {
  const values = {
    HOME: home,
    PORT: '0',
    DATABASE_URL: database.url,
    INGEST_PASSWORD,
    SETTINGS_MASTER_KEY: MASTER_KEY,
    MEDIA_FREE_BYTES_MIN: '0',
    LOG_LEVEL: 'debug',
    SHUTDOWN_GRACE_SECONDS: '1',
    ...(mediaRoot !== undefined && { MEDIA_ROOT: mediaRoot }),
    ...environment,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`PHOTOCHANGER_${name}`, value]));
}

function post(baseUrl: string, { slotId = 'slot-001', search = '', ...photo }: PhotoToPost): Promise<StationAnswer> {
  const url = `${baseUrl}/ingest/${slotId}${search}`;
  return postPhoto({ password: INGEST_PASSWORD, ...photo, url, timeoutMs: PATIENCE_MS });
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
