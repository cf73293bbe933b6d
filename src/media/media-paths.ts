/** The names of files in the media store: pure functions, so that rows, files and sweeps agree. */
import path from 'node:path';
import { FILE_EXTENSION, type ResultMimeType } from '../domain/images.ts';
import type { PictureFolder } from './store.ts';

/** Folders below the media root. */
export const PAYLOADS = 'payloads';
/** Holds one folder for each UTC day. */
export const RESULTS = 'results';
/** Permanent reference pictures of slots. */
const TEMPLATES = 'templates';
/** Pictures under short-lived links. */
const PUBLIC = 'public';
/** Photos kept beyond their jobs' end; holds one folder for each UTC day. */
export const ORIGINALS = 'originals';
/** All of them. */
export const FOLDERS = [PAYLOADS, RESULTS, TEMPLATES, PUBLIC, ORIGINALS] as const;

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const EXTENSION = /^[a-z0-9]{1,8}$/;
const PLAIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const THUMBNAIL = '.thumb.jpg';

/** @throws RangeError when a part could not be a part of a file name: a bug, never a client's fault. */
export function payloadPath(jobId: string, extension: string): string {
  if (!EXTENSION.test(extension)) throw new RangeError('A file ending is up to 8 letters and digits.');
  return `${PAYLOADS}/${checkedId(jobId)}.${extension}`;
}

/** The folder of the results, or originals, of a UTC day. */
function dayFolder(folder: string, storedOn: Date): string {
  return `${folder}/${storedOn.toISOString().slice(0, 10)}`;
}

/** `results/2026-05-31/<job>.<claim>.jpg`. @throws RangeError as {@link payloadPath}. */
export function resultPath(jobId: string, claimNo: number, mimeType: ResultMimeType, storedOn: Date): string {
  if (!Number.isSafeInteger(claimNo) || claimNo < 0) throw new RangeError('A claim number is a whole number.');
  return `${dayFolder(RESULTS, storedOn)}/${checkedId(jobId)}.${claimNo}.${FILE_EXTENSION[mimeType]}`;
}

/** `originals/2026-05-31/<job>.photo`. @throws RangeError as {@link payloadPath}. */
export function originalPath(jobId: string, keptOn: Date): string {
  return `${dayFolder(ORIGINALS, keptOn)}/${checkedId(jobId)}.photo`;
}

/** `templates/<id>.png`, `public/<id>.jpg`. @throws RangeError as {@link payloadPath}. */
export function picturePath(folder: PictureFolder, id: string, mimeType: ResultMimeType): string {
  return `${folder}/${checkedId(id)}.${FILE_EXTENSION[mimeType]}`;
}

/** Where the thumbnail of a result lies: beside it, always a JPEG. */
export function thumbnailPathOf(result: string): string {
  return `${result.slice(0, result.length - path.posix.extname(result).length)}${THUMBNAIL}`;
}

/**
 * The absolute path of a stored path. Only the plain form is taken, so that one file has one name.
 *
 * @throws RangeError for anything else: `..`, an absolute path, a backslash, a drive, NUL, an empty segment.
 */
export function resolveInside(root: string, relativePath: string): string {
  const segments = relativePath.split('/');
  if (!segments.every(isPlainName))
    throw new RangeError('A path of the media store has plain segments below its root.');
  return path.join(root, ...segments);
}

/** Whether a name could be one of the store's own. */
export function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name);
}

function checkedId(id: string): string {
  if (!ID.test(id)) throw new RangeError('An id in a file name is a lower-case UUID.');
  return id;
}
