import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { EmbeddedPostgresError } from './embedded-error.ts';

/** The operating system's user PostgreSQL runs as, when that is not the user of this process. */
export interface Account {
  readonly name: string;
  readonly credentials: { readonly uid: number; readonly gid: number };
}

/** Where one home keeps its database. */
export interface Place {
  /** Lock, port and password; inside the home, reached by this process only. */
  readonly stateDirectory: string;
  /** Holds the data directory, and a copy of the programs where one is needed. Reached by the account. */
  readonly baseDirectory: string;
  readonly dataDirectory: string;
  /** `undefined`: PostgreSQL runs as the user of this process. */
  readonly account: Account | undefined;
  /** Whether the data live outside the home because the account cannot reach it. */
  readonly isRelocated: boolean;
}

const isRoot = (): boolean => process.getuid?.() === 0;
const hasCluster = (dataDirectory: string): boolean => existsSync(join(dataDirectory, 'PG_VERSION'));

function accounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4 && Number(fields[2]) > 0)
    .map(([name, , uid, gid]) => ({ name: name as string, credentials: { uid: Number(uid), gid: Number(gid) } }));
}

/** PostgreSQL refuses to run as root, and runs on an existing data directory only as its owner. */
function chooseAccount(dataDirectory: string): Account {
  const known = accounts();
  if (existsSync(dataDirectory)) {
    const { uid, gid } = statSync(dataDirectory);
    if (uid === 0) {
      throw new EmbeddedPostgresError(
        `${dataDirectory} belongs to root, as which PostgreSQL does not run: give it back (chown -R postgres ${dataDirectory})`,
        { reason: 'not_reachable' },
      );
    }
    return known.find((account) => account.credentials.uid === uid) ?? { name: String(uid), credentials: { uid, gid } };
  }
  const account = known.find(({ name }) => name === 'postgres') ?? known.find(({ name }) => name === 'nobody');
  if (account !== undefined) return account;
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root, and there is neither a user postgres nor nobody: start as another user',
    { reason: 'not_reachable' },
  );
}

function canEnter(directory: string, account: Account): boolean {
  const script = ['-c', 'test -x "$1"', 'sh', directory];
  return spawnSync('/bin/sh', script, { cwd: '/', stdio: 'ignore', env: {}, ...account.credentials }).status === 0;
}

/** Made passable, not readable: only the account's own directories below it are open to the account. */
function makePassable(directory: string): string {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o711);
  return directory;
}

/** The same for the same home at every start. `/var/lib` outlives a reboot; the temporary directory is the last resort. */
function outsideBase(stateDirectory: string, { mayCreate }: { mayCreate: boolean }): string | undefined {
  const name = `photochanger-${createHash('sha256').update(stateDirectory).digest('hex').slice(0, 12)}`;
  const candidates = ['/var/lib', tmpdir()].map((parent) => join(parent, name));
  const existing = candidates.find((candidate) => hasCluster(join(candidate, 'data')));
  if (existing !== undefined || !mayCreate) return existing;
  for (const candidate of candidates) {
    try {
      return makePassable(candidate);
    } catch {}
  }
  return undefined;
}

function placeForRoot(stateDirectory: string, log: Pick<Log, 'warn'>): Place {
  const inside = makePassable(stateDirectory);
  const outside = hasCluster(join(inside, 'data')) ? undefined : outsideBase(stateDirectory, { mayCreate: false });
  const account = chooseAccount(join(outside ?? inside, 'data'));
  let baseDirectory = outside ?? inside;
  if (outside === undefined && !canEnter(inside, account)) {
    const created = hasCluster(join(inside, 'data')) ? undefined : outsideBase(stateDirectory, { mayCreate: true });
    if (created === undefined || !canEnter(created, account)) {
      throw new EmbeddedPostgresError(
        `PostgreSQL runs as user ${account.name}, who may not pass ${inside}: open the way there (chmod o+x on each directory) or move the home`,
        { reason: 'not_reachable' },
      );
    }
    baseDirectory = created;
  }
  const dataDirectory = join(baseDirectory, 'data');
  const isRelocated = baseDirectory !== inside;
  if (isRelocated) {
    log.warn(
      { home: stateDirectory, data_directory: dataDirectory },
      `The database lives outside the home, in ${dataDirectory}: user ${account.name}, as whom PostgreSQL runs, cannot pass the home`,
    );
  }
  return { stateDirectory, baseDirectory, dataDirectory, account, isRelocated };
}

/**
 * Decides where a home's database lives and as whom it runs: inside `<home>/postgres` as the user of this process, or, for
 * root, as the data directory's owner, else `postgres`, else `nobody`. A home that user cannot pass (below `/root`) gets a
 * data directory in `/var/lib`, which is logged. The same answer at every start while the data exist.
 *
 * @throws {EmbeddedPostgresError} `not_reachable`, naming what to open or whom to start as.
 */
export function choosePlace(stateDirectory: string, log: Pick<Log, 'warn'>): Place {
  const resolved = realpathSync(stateDirectory);
  if (isRoot()) return placeForRoot(resolved, log);
  const dataDirectory = join(resolved, 'data');
  if (process.getuid !== undefined && existsSync(dataDirectory) && statSync(dataDirectory).uid !== process.getuid()) {
    throw new EmbeddedPostgresError(
      `${dataDirectory} belongs to another user (uid ${statSync(dataDirectory).uid}): start as that user, or as root, or use another home`,
      { reason: 'not_reachable' },
    );
  }
  return { stateDirectory: resolved, baseDirectory: resolved, dataDirectory, account: undefined, isRelocated: false };
}
