import { type ChildProcess, spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { PostgresBinaries } from './binaries.ts';
import { EmbeddedPostgresError, EXTERNAL_DATABASE_HINT, failureFromOutput } from './embedded-error.ts';
import type { Account } from './place.ts';

/** A new cluster takes 39 MB and its first start one more WAL segment of 16 MB. */
const INIT_FREE_BYTES_MIN = 128 * 1024 * 1024;

/**
 * The environment of PostgreSQL's programs: nothing of ours. No `PG*` variable changes what they do, and no secret of the
 * server's environment is readable in theirs. (On Windows libuv adds what the system itself needs.)
 */
export const PROGRAM_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** The major version of the cluster in a data directory; `undefined` when there is none. */
export function clusterMajorVersion(dataDirectory: string): number | undefined {
  const path = join(dataDirectory, 'PG_VERSION');
  return existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : undefined;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

async function runInitdb(program: string, parameters: string[], account: Account | undefined): Promise<void> {
  let output = '';
  const child = spawn(program, parameters, {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
    env: PROGRAM_ENVIRONMENT,
    windowsHide: true,
    ...account?.credentials,
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-8_192);
  });
  const code = await exitOf(child).catch((error: Error) => {
    throw failureFromOutput('PostgreSQL could not be initialised', `${output}\n${error.message}`, error);
  });
  if (code !== 0) throw failureFromOutput(`PostgreSQL could not be initialised (initdb ended with ${code})`, output);
}

function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function assertRoom(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes >= INIT_FREE_BYTES_MIN) return;
  const need = `${INIT_FREE_BYTES_MIN / 1_048_576} MB`;
  throw new EmbeddedPostgresError(
    `A new database needs ${need}, but only ${Math.floor(freeBytes / 1_048_576)} MB are free below ${directory}: free some space, or ${EXTERNAL_DATABASE_HINT}`,
    { reason: 'disk_full' },
  );
}

/**
 * Creates a cluster in `dataDirectory`, which is there completely and on disk afterwards, or not at all: it is made under
 * another name, synced by initdb (measured: +0.15 s on 1.1 s, so nothing is gained by `--no-sync` outside tests) and renamed.
 * UTF-8, collation by code point (C.UTF-8 of the builtin provider: the same on every system), checksums on, SCRAM passwords.
 *
 * @throws {EmbeddedPostgresError} `disk_full`, `not_reachable`, `unsupported_platform` or `start_failed`.
 */
export async function createCluster(options: {
  binaries: PostgresBinaries;
  dataDirectory: string;
  user: string;
  password: string;
  account: Account | undefined;
  /** False only for clusters that are thrown away: a crash of the machine may then leave a broken one. */
  isDurable: boolean;
}): Promise<void> {
  const { dataDirectory, account } = options;
  const base = dirname(dataDirectory);
  const unfinished = `${dataDirectory}.unfinished`;
  const passwordFile = `${dataDirectory}.password`;
  assertRoom(base);
  const give = (path: string): void => {
    if (account !== undefined) chownSync(path, account.credentials.uid, account.credentials.gid);
  };
  try {
    rmSync(unfinished, { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    give(unfinished);
    writeFileSync(passwordFile, options.password, { mode: 0o600, flag: 'wx' });
    give(passwordFile);
    const parameters = [
      ...['-D', unfinished, '-U', options.user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'],
      ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions'],
      ...(options.isDurable ? [] : ['--no-sync']),
    ];
    await runInitdb(options.binaries.initdb, parameters, account);
    renameSync(unfinished, dataDirectory);
    if (options.isDurable) syncDirectory(base);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
  }
}
