import { existsSync, mkdirSync } from 'node:fs';
import { type Config, ENVIRONMENT_PREFIX } from '../config.ts';
import type { Db } from '../db/db.ts';
import { findLockedSecrets, sealFirstSecret } from '../services/secrets/locked-secrets.ts';
import { makeMasterKey } from '../services/secrets/master-key.ts';
import { createSecretBox, type SecretBox, type SecretFault } from '../services/secrets/secret-box.ts';
import { createMasterKeyFile, masterKeyPath } from './master-key-file.ts';
import { createMasterKeys } from './master-keys.ts';

/**
 * The box of this installation's secrets. The first run makes a master key where the environment gives none.
 *
 * @throws Error when a stored secret cannot be opened, naming the missing key and what to do: a server that started without it
 * would fail later, in the middle of an event.
 */
export async function openSecrets(config: Config, db: Db): Promise<SecretBox> {
  const path = masterKeyPath(config.homePath);
  mkdirSync(config.homePath, { recursive: true });
  const secretBox = createSecretBox(createMasterKeys(config));
  // looked at before a key is made, which would hide that the right one is missing
  await demandOpen(db, secretBox, path);
  if (config.values.SETTINGS_MASTER_KEY === undefined && !existsSync(path))
    createMasterKeyFile(path, [makeMasterKey()]);
  await sealFirstSecret({ db, secretBox });
  // and again: another first start, with another key, may have been faster
  await demandOpen(db, secretBox, path);
  return secretBox;
}

async function demandOpen(db: Db, secretBox: SecretBox, path: string): Promise<void> {
  const locked = await findLockedSecrets({ db, secretBox });
  if (locked.length > 0) throw new Error(describe(locked, path));
}

function describe(locked: readonly SecretFault[], path: string): string {
  const missing = locked.filter(({ kind }) => kind === 'missing_key');
  const keyIds = [...new Set(missing.map(({ keyId }) => keyId))];
  const names = (faults: readonly SecretFault[]) => faults.map(({ secretName }) => secretName).join(', ');
  const damaged = locked.filter(({ kind }) => kind === 'damaged');
  return [
    ...keyIds.map(
      (id) => `The master key ${id} is missing; it encrypted: ${names(missing.filter(({ keyId }) => keyId === id))}.`,
    ),
    ...(missing.length > 0
      ? [
          `Put the ${path} of the installation that wrote them in its place, or give the key as ${ENVIRONMENT_PREFIX}SETTINGS_MASTER_KEY (or ${ENVIRONMENT_PREFIX}SETTINGS_MASTER_KEY_PREVIOUS).`,
        ]
      : []),
    ...(damaged.length > 0 ? [`Damaged or exchanged in the database: ${names(damaged)}.`] : []),
    'What cannot be got back is removed by: npm run admin -- secrets forget. It has to be set again then.',
  ].join('\n');
}
