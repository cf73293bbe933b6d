/** Changing the master key: a new key, every secret encrypted with it, and the old keys gone once nothing needs them. */
import type { Config } from '../config.ts';
import type { Db } from '../db/db.ts';
import { COMMAND_LINE } from '../domain/actor.ts';
import { recordAudit } from '../repositories/audit-log.ts';
import { claimRotation, findSecrets, lockMasterKeys } from '../repositories/secrets.ts';
import { transaction } from '../repositories/transaction.ts';
import { makeMasterKey } from '../services/secrets/master-key.ts';
import { findOldSecrets, resealSecrets } from '../services/secrets/reseal-secrets.ts';
import type { SecretBox } from '../services/secrets/secret-box.ts';
import { type MasterKeySet, masterKeyPath, readMasterKeyFile, replaceMasterKeyFile } from './master-key-file.ts';
import { createMasterKeys } from './master-keys.ts';
import { openSecrets } from './open-secrets.ts';

/** What a rotation works with. */
export interface Rotation {
  readonly config: Config;
  readonly db: Db;
  /** Told of each step, in words. */
  readonly tell: (line: string) => void;
  readonly isDryRun: boolean;
}

/**
 * Changes the master key. The environment's key is the new one where it gives one; else a new key is made, and written to the file
 * beside the old ones before anything is encrypted with it. May be interrupted at any moment and run again: it then goes on with
 * the key it had begun with. Servers may run meanwhile.
 *
 * @throws Error when a stored secret cannot be opened, or while another rotation runs; nothing was changed then.
 */
export async function rotateMasterKey(rotation: Rotation): Promise<void> {
  const { config, db } = rotation;
  const secretBox = await openSecrets(config, db);
  // held to the end: two rotations at once would lose each other's key in the file
  await transaction(db, async (step) => {
    if (!(await claimRotation(step))) throw new Error('Another rotation of the master key is running.');
    await rotate(rotation, secretBox);
  });
}

async function rotate(rotation: Rotation, secretBox: SecretBox): Promise<void> {
  const { config, db, tell, isDryRun } = rotation;
  const keys = createMasterKeys(config);
  const isOwnFile = config.values.SETTINGS_MASTER_KEY === undefined;
  const fileKeys = isOwnFile ? (readMasterKeyFile(masterKeyPath(config.homePath))?.length ?? 0) : 0;
  // an earlier run that was interrupted left secrets behind, or old keys
  const isUnderWay = fileKeys > 1 || (await findOldSecrets(db, keys.current().id)).length > 0;
  if (isUnderWay) tell(`Going on with the master key ${keys.current().id}.`);
  else if (isOwnFile) addKey(rotation);
  else tell(`All secrets are encrypted with the master key of the environment, ${keys.current().id}.`);
  const { id: currentKeyId } = keys.current();
  if (isDryRun) {
    const isForAll = isOwnFile && !isUnderWay;
    const secrets = isForAll ? await findSecrets(db, '') : await findOldSecrets(db, currentKeyId);
    for (const { name } of secrets) tell(`Would encrypt ${name}.`);
    return;
  }
  let count = 0;
  await resealSecrets({
    db,
    secretBox,
    currentKeyId,
    onResealed: (name) => {
      count += 1;
      tell(`Encrypted ${name}.`);
    },
  });
  const removed = await removeUnusedKeys(rotation, currentKeyId, isOwnFile);
  await recordAudit(db, COMMAND_LINE, {
    action: 'master_key.rotated',
    objectType: 'master_key',
    objectId: currentKeyId,
    details: { secrets: count, removed_key_ids: removed },
  });
}

function addKey({ config, tell, isDryRun }: Rotation): void {
  const path = masterKeyPath(config.homePath);
  if (isDryRun) {
    tell(`Would make a new master key in ${path}.`);
    return;
  }
  const key = makeMasterKey();
  replaceMasterKeyFile(path, [key, ...(readMasterKeyFile(path) ?? [])]);
  tell(`Made the master key ${key.id}; ${path} holds it beside the old ones.`);
}

/** A key goes only while nobody can store a secret, and only when no secret needs it. @returns the ids of those that went. */
async function removeUnusedKeys(
  { config, db, tell }: Rotation,
  currentKeyId: string,
  isOwnFile: boolean,
): Promise<string[]> {
  const path = masterKeyPath(config.homePath);
  return transaction(db, async (step) => {
    await lockMasterKeys(step);
    const used = new Set((await findSecrets(step, '')).map(({ keyId }) => keyId));
    const keys = readMasterKeyFile(path);
    const isNeeded = ({ id }: { id: string }) => id === currentKeyId || used.has(id);
    if (!isOwnFile) {
      tell('PHOTOCHANGER_SETTINGS_MASTER_KEY_PREVIOUS can be taken out of the environment of every server.');
      if (keys !== undefined && !keys.some(({ id }) => used.has(id)))
        tell(`No secret needs ${path} any more; delete it.`);
      return [];
    }
    const [current, ...older] = keys as MasterKeySet;
    const unneeded = older.filter((key) => !isNeeded(key)).map(({ id }) => id);
    if (unneeded.length > 0) {
      replaceMasterKeyFile(path, [current, ...older.filter(isNeeded)]);
      tell(`Removed the old master keys ${unneeded.join(', ')}: no secret needs them. Backups from before still do.`);
    }
    return unneeded;
  });
}
