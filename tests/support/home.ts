/** Home folders of servers under test, with the PostgreSQL that a killed server leaves running in them. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import { isAlive } from '../../src/db/embedded/process-identity.ts';
import { connectionUrl } from '../../src/db/embedded/superuser.ts';
import { createKysely, createPool } from '../../src/db/pool.ts';
import { tellUndertaker } from './undertaker.ts';

/** An empty folder that is nobody's yet. The user PostgreSQL runs as may pass it, so that the data stay inside. */
export function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'photochanger-home-'));
  chmodSync(home, 0o755);
  tellUndertaker('keep', home);
  return home;
}

const postmasterFile = (home: string): string[] =>
  readFileSync(join(home, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n');

/** The postmaster that runs on a home's data; undefined when none does. */
export function postmasterOf(home: string): number | undefined {
  try {
    const pid = Number(postmasterFile(home)[0]);
    return isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The state of the newest record of who owns a home's database; undefined where there was never one. */
export function ownershipOf(home: string): string | undefined {
  const folder = join(home, 'postgres');
  if (!existsSync(folder)) return undefined;
  const [newest] = readdirSync(folder)
    .filter((name) => /^owner\.\d+\.json$/.test(name))
    .sort((a, b) => Number(b.split('.')[1]) - Number(a.split('.')[1]));
  return newest && JSON.parse(readFileSync(join(folder, newest), 'utf8')).state;
}

/** The password of a home's database; a secret that nothing may print. */
export const databasePasswordOf = (home: string): string =>
  readFileSync(join(home, 'postgres', 'password'), 'utf8').trim();

/** The database of a home whose PostgreSQL runs, past the server that owns it. */
export function openHomeDatabase(home: string): { readonly db: Db; close(): Promise<void> } {
  const port = Number(postmasterFile(home)[3]);
  const pool = createPool({
    connectionString: connectionUrl({ user: 'photochanger', password: databasePasswordOf(home), port }),
    poolSize: 4,
    applicationName: 'test',
    statementTimeoutMs: 10_000,
    onError: () => {},
  });
  return { db: { pool, kysely: createKysely(pool) }, close: () => pool.end() };
}

/** Ends the PostgreSQL that may still run on a home, and removes the home. */
export async function removeHome(home: string): Promise<void> {
  const pid = postmasterOf(home);
  if (pid !== undefined) {
    process.kill(pid, 'SIGQUIT');
    await vi.waitFor(() => {
      if (isAlive(pid)) throw new Error(`PostgreSQL ${pid} does not end`);
    }, 10_000);
  }
  rmSync(home, { recursive: true, force: true });
  tellUndertaker('removed', home);
}
