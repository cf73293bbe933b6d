import { DomainError } from '../domain/errors.ts';

/**
 * System errors that say "not now": the disk is full, broken, read-only, closed to this user or gone, or the process
 * has no file descriptors left.
 */
const UNAVAILABLE = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO', 'EROFS', 'EACCES', 'ESTALE', 'ETIMEDOUT']);

/** How soon a station may try again: someone has to make room first, or a burst has to pass. */
const RETRY_AFTER_SECONDS = 30;

/** The error for clients. @param cause goes to the log, never to the client. */
export function storageUnavailable(message: string, cause?: unknown): DomainError {
  return new DomainError('storage_unavailable', message, { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** Turns what the file system threw into what callers know; anything unexpected stays as it is. */
export function asStorageFault(error: unknown): unknown {
  const code = errorCode(error);
  if (code === undefined || !UNAVAILABLE.has(code)) return error;
  return storageUnavailable('The media storage cannot take or give files now. Check its disk and try again.', error);
}

/** Runs work on files. @throws DomainError `storage_unavailable`, or what `work` throws. */
export async function onStorage<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw asStorageFault(error);
  }
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** @returns what `work` does, or nothing when the file or folder is not there. */
export async function ifThere<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
