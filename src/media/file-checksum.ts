import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const PIECE_BYTES = 2 ** 18;

/** The SHA-256 of a file's bytes, in lower-case hex. Rejects with the system's error when it cannot be read. */
export async function fileChecksum(absolutePath: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(absolutePath, { highWaterMark: PIECE_BYTES }))
    hash.update(piece as Buffer);
  return hash.digest('hex');
}
