import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import path from 'node:path';
import { FOLDERS, isPlainName } from './media-paths.ts';
import { asStorageFault, ifThere } from './storage-fault.ts';
import type { StoredFile } from './store.ts';

/**
 * Walks over all payloads, results, thumbnails, templates, public pictures and unfinished files, one after the other, so that a sweep of 100,000
 * files leaves the thread pool to those who wait. Files and folders that vanish meanwhile are passed over; so is what
 * was not named by the store.
 *
 * @param root absolute.
 * @throws DomainError `storage_unavailable` when the disk does not answer.
 */
export async function* listFiles(root: string): AsyncGenerator<StoredFile, void, undefined> {
  try {
    for (const folder of FOLDERS) yield* listFolder(root, folder);
  } catch (error) {
    throw asStorageFault(error);
  }
}

async function* listFolder(root: string, folder: string): AsyncGenerator<StoredFile, void, undefined> {
  const directory = await ifThere(opendir(path.join(root, folder)));
  if (directory === undefined) return;
  for await (const entry of directory) {
    if (!isPlainName(entry.name)) continue;
    const stored = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* listFolder(root, stored);
    else yield* describe(root, stored, entry);
  }
}

async function* describe(root: string, stored: string, entry: Dirent): AsyncGenerator<StoredFile, void, undefined> {
  const facts = entry.isFile() ? await ifThere(lstat(path.join(root, stored))) : undefined;
  if (facts?.isFile()) yield { path: stored, modifiedAt: facts.mtime, sizeBytes: facts.size };
}
