import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ReceiveUpload } from '../../src/media/upload.ts';
import { UsageError } from './command.ts';

/** A form that was never sent: the same judgement as an upload's, over a file of this machine. */
export function localUpload(file: string, fields: ReadonlyMap<string, string>): ReceiveUpload {
  return async (hooks, limits) => {
    const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`${file} cannot be read (${error.code ?? 'unknown fault'}).`);
    });
    if (bytes.length > limits.fileSizeBytesMax)
      throw new UsageError(`${file} has more than ${limits.fileSizeBytesMax} bytes.`);
    const part = { fieldName: 'file', fileName: basename(file), declaredMimeType: '' };
    const receiver = await hooks.onFile(part, fields);
    if (receiver === undefined) return { fields, file: undefined };
    receiver.inspector.push(bytes);
    const facts = receiver.inspector.end();
    await writeFile(receiver.path, bytes, { flag: 'wx', mode: 0o600 });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { fields, file: { path: receiver.path, sizeBytes: bytes.length, sha256, fileName: part.fileName, facts } };
  };
}
