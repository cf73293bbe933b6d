import { randomUUID } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '../../src/domain/errors.ts';
import { type DrainOutcome, drainRefused } from '../../src/http/upload/drain-refused.ts';
import { createReceiveUpload } from '../../src/http/upload/receive-upload.ts';
import type { ImageInspector, ReceivedUpload, UploadedPart, UploadLimits } from '../../src/media/upload.ts';
import { BOUNDARY } from './form.ts';
import { connectRaw, type RawClient, requestHead } from './raw-http.ts';

export const LIMITS: UploadLimits = {
  fileSizeBytesMax: 1024 * 1024,
  fieldsMax: 20,
  fieldSizeBytesMax: 4096,
  partsMax: 30,
  idleTimeoutMs: 15_000,
};

/** What a settled upload left behind, looked at in the moment it settled. All of it must be empty or zero. */
export interface Leftovers {
  readonly files: readonly string[];
  readonly openFiles: readonly string[];
  readonly requestListeners: number;
  readonly signalListeners: number;
  /** Whether bytes still flow from the client, into nothing. */
  readonly isReading: boolean;
}

export const NOTHING_LEFT: Leftovers = {
  files: [],
  openFiles: [],
  requestListeners: 0,
  signalListeners: 0,
  isReading: false,
};

export interface Outcome {
  readonly upload?: ReceivedUpload;
  /** The stored file's bytes and permission bits, read before it is removed. */
  readonly bytes?: Buffer;
  readonly mode?: number;
  readonly error?: unknown;
  readonly left: Leftovers;
}

export interface UploadServerOptions {
  readonly limits?: Partial<UploadLimits>;
  readonly inspector?: Partial<ImageInspector>;
  readonly signal?: AbortSignal;
  readonly caps?: { readonly bytesMax: number; readonly timeoutMs: number };
  /** Where the file goes; by default under a name of its own in the server's directory. `false` skips the part. */
  readonly onFile?: (part: UploadedPart, fields: ReadonlyMap<string, string>) => unknown;
  readonly onField?: (name: string, value: string) => void;
  /** `end` ends the answer and keeps the connection; `linger` holds the end of the answer back until the body is drained. */
  readonly refusal?: 'end' | 'linger';
}

export interface UploadServer {
  readonly port: number;
  readonly directory: string;
  /** The outcome of each upload, in the order in which they settle. */
  nextOutcome(): Promise<Outcome>;
  nextDrain(): Promise<DrainOutcome>;
  readonly openRequests: readonly IncomingMessage[];
  connect(): Promise<RawClient>;
  /** Sends one form and answers what came of it, with the status that the client saw. */
  post(
    body: Buffer,
    headers?: readonly string[],
  ): Promise<Outcome & { readonly status: number; readonly answer: string }>;
  /** Also asserts that no file remains. */
  stop(): Promise<void>;
}

/** The smallest HTTP server around the receiver; answers with the fields and the file, or with the error. */
export async function startUploadServer(options: UploadServerOptions = {}): Promise<UploadServer> {
  const directory = await mkdtemp(join(tmpdir(), 'upload-'));
  const outcomes = createMailbox<Outcome>();
  const drains = createMailbox<DrainOutcome>();
  const openRequests: IncomingMessage[] = [];
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    openRequests.push(req);
    const outcome = await receive(req, res, directory, options);
    outcomes.put(outcome);
    if (outcome.upload !== undefined) answer(res, 200, outcome.upload).end();
    else if (outcome.error instanceof DomainError) {
      const { status, code, details } = outcome.error;
      const written = answer(res, status, { code, details }, options.refusal !== 'end');
      if (options.refusal === 'end') written.end();
      drains.put(await drainRefused(req, options.caps ?? { bytesMax: 8 * 1024 * 1024, timeoutMs: 60_000 }));
      if (options.refusal !== 'end') written.end();
    } else req.destroy();
  };
  const server = createServer({ keepAliveTimeout: 0 });
  server.on('request', serve).on('checkContinue', serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    directory,
    nextOutcome: outcomes.take,
    nextDrain: drains.take,
    openRequests,
    connect: () => connectRaw(port),
    async post(body, headers = []) {
      const client = await connectRaw(port);
      const type = headers.some((line) => /^content-type:/i.test(line))
        ? []
        : [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`];
      const lengthLine = headers.some((line) => /^transfer-encoding:/i.test(line))
        ? []
        : [`Content-Length: ${body.length}`];
      void client.send(Buffer.concat([Buffer.from(requestHead([...type, ...lengthLine, ...headers])), body]));
      const [, status, text] = await client.until(/^HTTP\/1\.1 ([2-5]\d\d) [\s\S]*?\r\n\r\n(\{[\s\S]*\})$/);
      client.socket.destroy();
      return { ...(await outcomes.take()), status: Number(status), answer: text ?? '' };
    },
    stop: () => stop(server, directory),
  };
}

async function receive(
  req: IncomingMessage,
  res: ServerResponse,
  directory: string,
  options: UploadServerOptions,
): Promise<Outcome> {
  const path = join(directory, randomUUID());
  const inspector: ImageInspector = {
    push() {},
    end: () => ({ mimeType: 'image/jpeg', widthPx: 1, heightPx: 1, orientation: 1 }),
    ...options.inspector,
  };
  const signal = options.signal ?? new AbortController().signal;
  const listenersBefore = countListeners(req);
  const leftovers = async (): Promise<Leftovers> => ({
    files: await readdir(directory),
    openFiles: await openFilesIn(directory),
    requestListeners: countListeners(req) - listenersBefore,
    signalListeners: getEventListeners(signal, 'abort').length,
    isReading: req.readableFlowing === true && !req.readableEnded && !req.destroyed,
  });
  try {
    const upload = await createReceiveUpload(req, res)(
      {
        ...(options.onField === undefined ? {} : { onField: options.onField }),
        onFile: async (part, fields) => {
          const decision = await options.onFile?.(part, fields);
          if (decision === false) return undefined;
          return { path: typeof decision === 'string' ? decision : path, inspector };
        },
      },
      { ...LIMITS, ...options.limits },
      signal,
    );
    if (upload.file === undefined) return { upload, left: await leftovers() };
    const bytes = await readFile(upload.file.path);
    const { mode } = await stat(upload.file.path);
    await rm(upload.file.path);
    return { upload, bytes, mode: mode & 0o777, left: await leftovers() };
  } catch (error) {
    return { error, left: await leftovers() };
  }
}

function answer(res: ServerResponse, status: number, body: unknown, isLast = false): ServerResponse {
  const json = JSON.stringify(body, (_key, value: unknown) => (value instanceof Map ? [...value] : value));
  res.writeHead(status, { 'Content-Length': Buffer.byteLength(json), ...(isLast ? { Connection: 'close' } : {}) });
  res.write(json);
  return res;
}

async function stop(server: Server, directory: string): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
  await rm(directory, { recursive: true });
}

function countListeners(req: IncomingMessage): number {
  return req.eventNames().reduce((sum, name) => sum + req.listenerCount(name), 0);
}

/** Files in the directory that this process holds open, by the links of `/proc/self/fd`. */
export async function openFilesIn(directory: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(directory));
}

interface Mailbox<T> {
  put(item: T): void;
  take(): Promise<T>;
}

function createMailbox<T>(): Mailbox<T> {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take: async () => {
      const item = items.shift();
      return item ?? new Promise<T>((resolve) => takers.push(resolve));
    },
  };
}
