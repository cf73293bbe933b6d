import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import type { MediaStore } from '../../media/store.ts';

type OpenedFile = NonNullable<Awaited<ReturnType<MediaStore['openFile']>>>;

/** A file on its way into an archive. It is open, and closed as soon as it was read or the archive is given up. */
export interface ZipEntry extends OpenedFile {
  readonly name: string;
  readonly modifiedAt: Date;
}

/**
 * A ZIP archive of the entries, stored and not compressed (pictures are compressed already), made while it is read: one file is
 * open at a time, and what is kept of each is its name and place. Beyond 4 GB or 65,535 files it becomes ZIP64.
 *
 * Nothing happens before the first piece is asked for. Leaving the loop closes whatever is open. A fault of an entry, or a file that
 * is not as long as it was said to be, is thrown: an archive is either whole or visibly broken.
 */
export async function* zipStream(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Buffer, void, undefined> {
  const zip = new ZipFile();
  const output = zip.outputStream as NodeJS.ReadableStream & { destroy(error?: Error): void };
  const ending = new AbortController();
  zip.on('error', (error: Error) => output.destroy(error));
  const feeding = feed(zip, entries, ending.signal).catch((error: Error) => {
    if (!ending.signal.aborted) output.destroy(error);
  });
  try {
    for await (const piece of output) yield piece as Buffer;
  } finally {
    ending.abort();
    output.destroy();
    await feeding;
  }
}

/** Adds one entry after the other, each when the one before was read to its end. */
async function feed(zip: ZipFile, entries: AsyncIterable<ZipEntry>, ending: AbortSignal): Promise<void> {
  for await (const { name, modifiedAt, sizeBytes, handle } of entries) {
    const stream = handle.createReadStream();
    try {
      ending.throwIfAborted();
      zip.addReadStream(stream, name, { compress: false, mtime: modifiedAt, mode: 0o100644, size: sizeBytes });
      await finished(stream, { signal: ending, cleanup: true });
    } finally {
      stream.destroy();
      await handle.close();
    }
  }
  zip.end();
}
