/** The first start of an installation: passwords that nobody chose are made, shown once, and kept in a file for their owner. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Db } from '../db/db.ts';
import { FIRST_ADMINISTRATOR } from '../domain/administrators.ts';
import { lockFirstRun } from '../repositories/settings.ts';
import { transaction } from '../repositories/transaction.ts';
import { seedFirstAdministrator } from '../services/access/first-administrator.ts';
import { type PasswordSeed, seedIngestPassword } from '../services/settings/first-run.ts';

/** The file with the passwords that a first run made; readable by its owner only. */
export const firstRunPath = (homePath: string): string => join(homePath, 'first-run.json');

/** Where the passwords of this start come from. */
export interface FirstRun {
  readonly ingestPassword: PasswordSeed;
  /** Of the first administrator. */
  readonly administratorPassword: PasswordSeed;
}

/**
 * Sets what was never set. First starts at once agree; only the one that made a password tells it.
 *
 * The file is written before the passwords take effect: when it cannot be, nothing was set, and the next start makes new ones.
 */
export function firstRun(config: Config, db: Db): Promise<FirstRun> {
  return transaction(db, async (step) => {
    await lockFirstRun(step);
    const ingestPassword = await seedIngestPassword(step, config.values.INGEST_PASSWORD);
    const administratorPassword = await seedFirstAdministrator(step, config.values.ADMIN_PASSWORD);
    keep(firstRunPath(config.homePath), {
      ...(ingestPassword.kind === 'made' && { ingest_password: ingestPassword.password }),
      ...(administratorPassword.kind === 'made' && {
        administrator: FIRST_ADMINISTRATOR,
        administrator_password: administratorPassword.password,
      }),
    });
    return { ingestPassword, administratorPassword };
  });
}

/** Adds to what the file holds; whole or not at all. */
function keep(path: string, made: Readonly<Record<string, string>>): void {
  if (Object.keys(made).length === 0) return;
  const text = JSON.stringify({ ...readKept(path), ...made, made_at: new Date().toISOString() }, null, 2);
  writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readKept(path: string): object {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof kept === 'object' && kept !== null ? kept : {};
  } catch {
    return {};
  }
}
