/** Writing a file part to disk while it arrives: judged, hashed, then written, in this order. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { ImageFacts } from '../../domain/images.ts';
import type { PartReceiver } from '../../media/upload.ts';
import { payloadTooLarge, storageUnavailable } from './upload-errors.ts';

/** A file that was received whole. */
export interface StoredFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly facts: ImageFacts;
}

/** Takes the bytes of one file to disk. */
export interface FileSink {
  /**
   * Takes the next bytes of the file; they must not be changed afterwards.
   *
   * @returns nothing, or what to wait for before more may come (backpressure of the disk).
   * @throws what the inspector throws; DomainError `payload_too_large` or `storage_unavailable`. Refused bytes are not written.
   */
  write(bytes: Buffer): Promise<void> | undefined;
  /** Writes what is left and closes the file. May be called once. @throws as `write` does. */
  finish(): Promise<StoredFile>;
  /** Closes and removes the file, at whatever point it is. Never rejects; may be called again. */
  discard(): Promise<void>;
}

/** Bytes (or pieces) that make a write worth its trip to the thread pool. */
const BATCH_BYTES = 256 * 1024;
const BATCH_PIECES = 64;
/** Bytes (or pieces) waiting while a write runs, beyond which the sender has to wait. */
const PENDING_BYTES_MAX = 512 * 1024;
const PENDING_PIECES_MAX = 1024;

/**
 * Creates the file, exclusively and for the owner alone.
 *
 * It is not forced to the platter: a crash of this process loses nothing the kernel has, and a crash of the machine ends the
 * held request with it. A job that outlives the latter inside its window is found out by its size and hash, which are in its row.
 *
 * @throws DomainError `storage_unavailable`.
 */
export async function openFileSink({ path, inspector }: PartReceiver, sizeBytesMax: number): Promise<FileSink> {
  const handle = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw storageUnavailable(cause);
  });
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let writing: Promise<void> | undefined;
  let failure: Error | undefined;
  let closed: Promise<void> | undefined;

  function startWriting(): void {
    const batch = pending;
    pending = [];
    pendingBytes = 0;
    writing = writeFully(handle, batch).then(
      () => {
        writing = undefined;
        if (pendingBytes >= BATCH_BYTES || pending.length >= BATCH_PIECES) startWriting();
      },
      (cause: unknown) => {
        writing = undefined;
        failure = storageUnavailable(cause);
      },
    );
  }

  function close(): Promise<void> {
    closed ??= handle.close();
    return closed;
  }

  return {
    write(bytes) {
      if (failure !== undefined) throw failure;
      if (sizeBytes + bytes.length > sizeBytesMax) throw payloadTooLarge(sizeBytesMax);
      inspector.push(bytes);
      hash.update(bytes);
      sizeBytes += bytes.length;
      pending.push(bytes);
      pendingBytes += bytes.length;
      if (writing === undefined) {
        if (pendingBytes >= BATCH_BYTES || pending.length >= BATCH_PIECES) startWriting();
        return undefined;
      }
      return pendingBytes >= PENDING_BYTES_MAX || pending.length >= PENDING_PIECES_MAX ? writing : undefined;
    },
    async finish() {
      const facts = inspector.end();
      while (writing !== undefined) await writing;
      if (failure === undefined && pending.length > 0) startWriting();
      await writing;
      if (failure !== undefined) throw failure;
      await close().catch((cause: unknown) => {
        throw storageUnavailable(cause);
      });
      return { sizeBytes, sha256: hash.digest('hex'), facts };
    },
    async discard() {
      failure ??= storageUnavailable('discarded');
      pending = [];
      pendingBytes = 0;
      await writing;
      // a file that cannot be removed now is an orphan for the sweep; the fault that led here is the one to report
      await close().catch(() => {});
      await rm(path, { force: true }).catch(() => {});
    },
  };
}

/**
 * Writes all of the buffers at the handle's position. A full disk shortens a write before it fails one, so the count is checked.
 *
 * @throws the system's error, or an Error when the disk takes nothing without saying why.
 */
export async function writeFully(handle: Pick<FileHandle, 'writev'>, buffers: readonly Buffer[]): Promise<void> {
  let rest = buffers;
  for (;;) {
    let { bytesWritten } = await handle.writev(rest);
    const next = rest.findIndex((buffer) => {
      if (bytesWritten < buffer.length) return true;
      bytesWritten -= buffer.length;
      return false;
    });
    const first = rest[next];
    if (first === undefined) return;
    if (next === 0 && bytesWritten === 0) throw new Error('The disk accepts no more bytes.');
    rest = [first.subarray(bytesWritten), ...rest.slice(next + 1)];
  }
}
