import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, rename, rm, utimes } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from './storage-fault.ts';
import { FOLDER_MODE } from './write-result.ts';

/** What file systems without links, or with too many of them already, say. */
const NO_LINKS = new Set(['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);
/** Between making a day's folder and the first file in it, its removal as an empty folder can come in between. */
const FOLDER_TRIES_MAX = 3;

/**
 * Lets a file have a second name; each name can be removed without the other. The times of both are now, so that the sweep for
 * orphans leaves a name alone that no row mentions yet. Where the file system has no links, the file is copied.
 *
 * @throws the system's error, `ENOENT` when there is no such file, `EEXIST` when the second name is taken; no name is left then.
 */
export async function linkFile(from: string, to: string): Promise<void> {
  const now = new Date();
  await utimes(from, now, now);
  try {
    await inFolderOf(to, () => link(from, to));
  } catch (error) {
    if (!NO_LINKS.has(errorCode(error) ?? '')) throw error;
    await copyWhole(from, to);
  }
}

/** The name appears with the whole content or not at all. */
async function copyWhole(from: string, to: string): Promise<void> {
  const temporary = `${to}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await inFolderOf(to, () => copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE));
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

async function inFolderOf(to: string, work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || tries > FOLDER_TRIES_MAX) throw error;
      await mkdir(path.dirname(to), { recursive: true, mode: FOLDER_MODE });
    }
  }
}
