import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { prepareBinaries } from '../../src/db/embedded/binaries.ts';
import { createCluster } from '../../src/db/embedded/cluster.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { choosePlace } from '../../src/db/embedded/place.ts';
import { startServer, stopServer } from '../../src/db/embedded/server.ts';
import { connectionUrl } from '../../src/db/embedded/superuser.ts';

/** Fast and forgetful: nothing of it has to survive a crash. */
const THROW_AWAY_SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  jit: 'off',
  max_connections: '200',
  autovacuum_naptime: '5min',
  max_wal_size: '256MB',
};

const USER = 'test';
const PASSWORD = 'test';

/** A PostgreSQL server that lives as long as one test run. */
export interface ThrowAwayPostgres {
  /** As superuser, to the database `postgres`. */
  readonly url: string;
  readonly pid: number;
  readonly directory: string;
  /** Ends the server and removes its directory. */
  stop(): Promise<void>;
}

const UNDERTAKER = `
trap '' INT TERM HUP
read -r _
kill -QUIT "$1" 2>/dev/null
tries=0
while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
rm -rf "$2"
`;

/**
 * A shell that waits for this process's end, however it comes (SIGKILL included: its pipe breaks), and then ends the server
 * and removes its directory. There is none on Windows, where an interrupted run leaves both behind.
 */
function watchOver(pid: number, directory: string): { dismiss(): void } {
  if (process.platform === 'win32') return { dismiss: () => {} };
  const shell = spawn('/bin/sh', ['-c', UNDERTAKER, 'sh', String(pid), directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  shell.stdin.on('error', () => {});
  return { dismiss: () => shell.kill('SIGKILL') };
}

const MEMORY_DIRECTORY = '/dev/shm';
const MEMORY_BYTES_MIN = 2 * 1024 ** 3;

/**
 * Where there is memory to spare the files live in it: a copy of the template then takes 35 ms on a machine whose disk is
 * busy with other tests, instead of 200–1,700. The system's temporary directory always remains as the second choice.
 */
function parentDirectories(): string[] {
  const hasMemory = (): boolean => {
    const { bavail, bsize } = statfsSync(MEMORY_DIRECTORY);
    return Math.min(bavail * bsize, freemem()) > MEMORY_BYTES_MIN;
  };
  return existsSync(MEMORY_DIRECTORY) && hasMemory() ? [MEMORY_DIRECTORY, tmpdir()] : [tmpdir()];
}

async function startIn(parent: string, settings: Readonly<Record<string, string>>): Promise<ThrowAwayPostgres> {
  const directory = mkdtempSync(join(parent, 'photochanger-test-'));
  chmodSync(directory, 0o755);
  try {
    const log = pino({ level: 'silent' });
    const { dataDirectory, baseDirectory, account } = choosePlace(directory, log);
    const binaries = prepareBinaries({ copyParent: baseDirectory, account, log });
    await createCluster({ binaries, dataDirectory, user: USER, password: PASSWORD, account, isDurable: false });
    const { pid, port } = await startServer({
      binaries,
      dataDirectory,
      port: await findFreePort(),
      account,
      logFile: join(directory, 'server.log'),
      settings: { ...THROW_AWAY_SETTINGS, ...settings },
    });
    const undertaker = watchOver(pid, directory);
    const stop = async (): Promise<void> => {
      await stopServer(pid, dataDirectory, binaries.pgCtl);
      undertaker.dismiss();
      rmSync(directory, { recursive: true, force: true });
    };
    return { url: connectionUrl({ user: USER, password: PASSWORD, port }), pid, directory, stop };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Starts a new, empty server on a free port, in memory or in the temporary directory. About 1 s, nearly all of it initdb. */
export async function startThrowAwayPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<ThrowAwayPostgres> {
  const faults: unknown[] = [];
  for (const parent of parentDirectories()) {
    try {
      return await startIn(parent, settings);
    } catch (error) {
      faults.push(error);
    }
  }
  throw new AggregateError(faults, 'No PostgreSQL for the tests could be started');
}
