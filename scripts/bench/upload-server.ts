/**
 * The servers that the upload benchmark compares, one per process: `bare` streams a body to disk and hashes it, the least
 * that any upload costs; `form` receives the same bytes as a form, through the server's own receiver.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createReceiveUpload } from '../../src/http/upload/receive-upload.ts';
import type { ImageInspector, UploadLimits } from '../../src/media/upload.ts';

export type UploadServerKind = 'bare' | 'form';

/** What a server process tells its parent: once where it listens, then its CPU time whenever it is asked. */
export interface UploadServerReport {
  readonly port?: number;
  readonly cpuMs: number;
}

interface Stored {
  readonly path: string;
  readonly sha256: string;
}

const LIMITS: UploadLimits = {
  fileSizeBytesMax: 20 * 1024 * 1024,
  fieldsMax: 50,
  fieldSizeBytesMax: 16 * 1024,
  partsMax: 60,
  idleTimeoutMs: 15_000,
};

/** Accepts everything: what judging a picture costs is measured elsewhere. */
const inspector: ImageInspector = {
  push() {},
  end: () => ({ mimeType: 'image/jpeg', widthPx: 1, heightPx: 1, orientation: 1 }),
};

async function receiveBare(req: IncomingMessage, path: string): Promise<Stored> {
  const hash = createHash('sha256');
  async function* hashed(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      hash.update(piece);
      yield piece;
    }
  }
  await pipeline(req, hashed, createWriteStream(path));
  return { path, sha256: hash.digest('hex') };
}

async function receiveForm(req: IncomingMessage, res: ServerResponse, path: string): Promise<Stored> {
  const { file } = await createReceiveUpload(req, res)(
    { onFile: async () => ({ path, inspector }) },
    LIMITS,
    new AbortController().signal,
  );
  if (file === undefined) throw new Error('The form holds no file.');
  return file;
}

function serve(kind: UploadServerKind, directory: string): void {
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = join(directory, randomUUID());
    const stored = await (kind === 'bare' ? receiveBare(req, path) : receiveForm(req, res, path));
    const json = JSON.stringify({ sha256: stored.sha256 });
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': json.length }).end(json);
    await rm(stored.path);
  };
  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => {
      res.destroy();
      console.error(error);
    });
  });
  const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
  const report = (message: UploadServerReport): void => void process.send?.(message);
  server.listen(0, '127.0.0.1', () => report({ port: (server.address() as AddressInfo).port, cpuMs: cpuMs() }));
  process.on('message', () => report({ cpuMs: cpuMs() }));
  process.on('disconnect', () => process.exit());
}

if (import.meta.main) {
  const [kind, directory] = process.argv.slice(2);
  if ((kind !== 'bare' && kind !== 'form') || directory === undefined) throw new Error('Say: bare|form <directory>');
  serve(kind, directory);
}
