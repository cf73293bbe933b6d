/** The file of master keys that an installation makes for itself. Written whole and synced, or not at all. */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatMasterKey, type MasterKey, parseMasterKey } from '../services/secrets/master-key.ts';

/** The keys of an installation: the first encrypts, all of them open. */
export type MasterKeySet = readonly [current: MasterKey, ...older: MasterKey[]];

/** Where the file is. */
export const masterKeyPath = (homePath: string): string => join(homePath, 'master-keys.json');

/**
 * @returns undefined when there is no file.
 * @throws Error naming the file, never what is in it, when it cannot be read as keys.
 */
export function readMasterKeyFile(path: string): MasterKeySet | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [current, ...older] = parseKeys(text) ?? [];
  if (current === undefined) throw new Error(`${path} does not hold master keys. Restore it from a backup.`);
  return [current, ...older];
}

interface FileContent {
  readonly current: string;
  readonly keys: readonly { readonly id: string; readonly key: string }[];
}

/** The keys, the current one first; undefined when anything is not as it was written: a parser's own words could hold a key. */
function parseKeys(text: string): MasterKey[] | undefined {
  try {
    const content = JSON.parse(text) as FileContent;
    const keys = content.keys.map(({ id, key }) => {
      const parsed = parseMasterKey(key);
      if (parsed?.id !== id) throw new Error('the id is not that of the key');
      return parsed;
    });
    const current = keys.filter(({ id }) => id === content.current);
    return current.length === 1 ? [...current, ...keys.filter(({ id }) => id !== content.current)] : undefined;
  } catch {
    return undefined;
  }
}

/** Creates the file unless there is one: of two first starts at once, the keys of one are kept. @returns the keys in the file. */
export function createMasterKeyFile(path: string, keys: MasterKeySet): MasterKeySet {
  writeBeside(path, keys, (written) => {
    try {
      linkSync(written, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  });
  return readMasterKeyFile(path) as MasterKeySet;
}

/** Puts these keys in the file's place in one step; a crash leaves the old or the new file, whole. */
export function replaceMasterKeyFile(path: string, keys: MasterKeySet): void {
  writeBeside(path, keys, (written) => renameSync(written, path));
}

function writeBeside(path: string, keys: MasterKeySet, put: (written: string) => void): void {
  const written = `${path}.${process.pid}.new`;
  rmSync(written, { force: true });
  try {
    const file = openSync(written, 'wx', 0o600);
    try {
      writeSync(file, renderKeys(keys));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    put(written);
  } finally {
    rmSync(written, { force: true });
  }
  syncFolder(dirname(path));
}

const renderKeys = (keys: MasterKeySet): string => {
  const content: FileContent = {
    current: keys[0].id,
    keys: keys.map((key) => ({ id: key.id, key: formatMasterKey(key) })),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
};

/** Makes the new name outlive a power failure. Windows cannot open folders. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
