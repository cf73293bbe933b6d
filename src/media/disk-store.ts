import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileChecksum } from './file-checksum.ts';
import { watchFreeSpace } from './free-space.ts';
import { linkFile } from './link-file.ts';
import { listFiles } from './list-files.ts';
import {
  FOLDERS,
  ORIGINALS,
  originalPath,
  PAYLOADS,
  payloadPath,
  picturePath,
  RESULTS,
  resolveInside,
  resultPath,
  thumbnailPathOf,
} from './media-paths.ts';
import { errorCode, ifThere, onStorage } from './storage-fault.ts';
import type { MediaStore, PictureToStore, ResultToStore, StoredResult } from './store.ts';
import { FOLDER_MODE, writeFilesDurably } from './write-result.ts';

/** Where the store lies. */
export interface DiskStoreOptions {
  /** The folder of all media; it is created if need be. */
  readonly root: string;
  /** The reserve below which nothing more is taken in. */
  readonly freeBytesMin: number;
  /** The process's monotonic clock, in milliseconds. */
  readonly monotonicNow?: () => number;
}

/** A media store on a local disk, or on one that several hosts mount. Folders are for the server's user alone. */
export function createDiskStore(options: DiskStoreOptions): MediaStore {
  const root = path.resolve(options.root);
  const resolve = (relativePath: string): string => resolveInside(root, relativePath);
  const remove = (relativePath: string): Promise<void> => onStorage(async () => ifThere(unlink(resolve(relativePath))));
  const space = watchFreeSpace({
    root,
    freeBytesMin: options.freeBytesMin,
    monotonicNow: options.monotonicNow ?? (() => performance.now()),
  });
  return {
    open: () => prepareFolders(root),
    payloadPath(jobId, extension) {
      const relative = payloadPath(jobId, extension);
      return { path: relative, absolutePath: resolve(relative) };
    },
    resolve,
    storeResult: (result) => onStorage(() => storeResult(root, result)),
    storePicture: (picture) => onStorage(() => storePicture(root, picture)),
    remove,
    keepOriginal: (jobId, payload, keptOn) => nameAgain(root, payload, originalPath(jobId, keptOn)),
    payloadOfOriginal: (jobId, original) => nameAgain(root, original, payloadPath(jobId, 'photo')),
    thumbnailPathOf,
    async removeResult(relativePath) {
      await Promise.all([remove(relativePath), remove(thumbnailPathOf(relativePath))]);
      await removeIfEmpty(root, resolve(relativePath));
    },
    async removeOriginal(relativePath) {
      await remove(relativePath);
      await removeIfEmpty(root, resolve(relativePath));
    },
    openFile: (relativePath) => onStorage(() => openFile(resolve(relativePath))),
    sha256Of: (relativePath) => onStorage(async () => ifThere(fileChecksum(resolve(relativePath)))),
    listFiles: () => listFiles(root),
    storageNow: () => onStorage(() => stampOf(path.join(root, PAYLOADS, `clock.${process.pid}.tmp`))),
    freeBytes: space.freeBytes,
    assertFreeSpace: space.assertFree,
  };
}

/** The modification time that the file system gives a file written now. */
async function stampOf(probe: string): Promise<Date> {
  try {
    await writeFile(probe, 'x', { mode: 0o600 });
    return (await stat(probe)).mtime;
  } finally {
    await rm(probe, { force: true });
  }
}

async function prepareFolders(root: string): Promise<void> {
  for (const folder of FOLDERS.map((name) => path.join(root, name))) {
    const probe = path.join(folder, `write-check.${process.pid}.tmp`);
    try {
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
      await writeFile(probe, 'x', { mode: 0o600 });
    } catch (error) {
      const user = process.getuid === undefined ? 'the user of this server' : `the user id ${process.getuid()}`;
      throw new Error(
        `The media folder ${folder} cannot be written (${errorCode(error) ?? 'unknown fault'}). ` +
          `Let ${user} create files in it, or configure another media folder.`,
        { cause: error },
      );
    } finally {
      await rm(probe, { force: true }).catch(() => {});
    }
  }
}

async function storeResult(root: string, result: ResultToStore): Promise<StoredResult> {
  const imagePath = resultPath(result.jobId, result.claimNo, result.mimeType, result.storedOn);
  const thumbnailPath = thumbnailPathOf(imagePath);
  const image = await writeFilesDurably(
    { absolutePath: resolveInside(root, imagePath), parts: result.parts },
    {
      absolutePath: resolveInside(root, thumbnailPath),
      parts: result.thumbnail.then((thumbnail) => [thumbnail]),
    },
  );
  return { path: imagePath, thumbnailPath, ...image };
}

async function storePicture(root: string, picture: PictureToStore): Promise<Omit<StoredResult, 'thumbnailPath'>> {
  const stored = picturePath(picture.folder, picture.id, picture.mimeType);
  const written = await writeFilesDurably({ absolutePath: resolveInside(root, stored), parts: picture.parts });
  return { path: stored, ...written };
}

/** @returns the second name; nothing when there is no file with the first one. */
const nameAgain = (root: string, from: string, to: string): Promise<string | undefined> =>
  onStorage(() => ifThere(linkFile(resolveInside(root, from), resolveInside(root, to)).then(() => to)));

/** Removes the folder of a day when nothing is in it; what is stored meanwhile makes it again. */
async function removeIfEmpty(root: string, absolutePath: string): Promise<void> {
  const folder = path.dirname(absolutePath);
  if (![RESULTS, ORIGINALS].some((name) => path.dirname(folder) === path.join(root, name))) return;
  // "not empty" has several codes, and an empty folder that stays harms nobody
  await rmdir(folder).catch(() => {});
}

async function openFile(absolutePath: string): Promise<{ handle: FileHandle; sizeBytes: number } | undefined> {
  const handle = await ifThere(open(absolutePath, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)));
  if (handle === undefined) return undefined;
  try {
    const facts = await handle.stat();
    if (facts.isFile()) return { handle, sizeBytes: facts.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}
