import type { Config } from '../config.ts';
import { type MasterKey, type MasterKeys, parseMasterKey } from '../services/secrets/master-key.ts';
import { masterKeyPath, readMasterKeyFile } from './master-key-file.ts';

/**
 * The master keys of a process: the environment's is the current one where it gives one, else the file's. All of them open.
 *
 * `npm run admin -- secrets rotate` changes the file beside a running server. So the current key is read afresh whenever something
 * is encrypted, and the file is read again when a key is asked for that was not in it before.
 */
export function createMasterKeys(config: Pick<Config, 'homePath' | 'values'>): MasterKeys {
  const { SETTINGS_MASTER_KEY: given, SETTINGS_MASTER_KEY_PREVIOUS: previous } = config.values;
  const path = masterKeyPath(config.homePath);
  const current = parseMasterKey(given ?? '');
  const older = parseMasterKey(previous ?? '');
  const known = new Map<string, MasterKey>();
  const keep = (key: MasterKey | undefined) => key && known.set(key.id, key);
  keep(current);
  keep(older);
  return {
    current() {
      const key = current ?? readMasterKeyFile(path)?.[0];
      if (key === undefined) throw new Error(`There is no master key: ${path} is missing.`);
      return key;
    },
    find(id) {
      if (!known.has(id)) for (const key of readMasterKeyFile(path) ?? []) keep(key);
      return known.get(id);
    },
  };
}
