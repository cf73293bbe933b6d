import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { badKeyAnswer, errorAnswer, type PreparedAnswer, pictureAnswer, plainAnswer } from './gemini-answers.ts';
import { type BehaviourScript, createScript, type GeminiBehaviour, type GeminiRule } from './gemini-behaviour.ts';
import { paintPicture } from './gemini-picture.ts';
import { InvalidArgument, type ReadRequest, readRequest } from './gemini-request.ts';
import { createRequestLog, type RecordedRequest, type RequestLog, type RequestStage } from './request-log.ts';
import { sendAnswer, sendEndlessly } from './send-answer.ts';

export type { GeminiBehaviour, GeminiRule } from './gemini-behaviour.ts';
export type { RecordedRequest } from './request-log.ts';

export interface GeminiSimulatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Behaviours are used up in order, one a request; rules stay in force. */
  readonly script?: readonly (GeminiBehaviour | GeminiRule)[];
  /** The picture of every success, instead of one painted from the photo. */
  readonly answer?: Buffer;
  /** The only key accepted; without it any key is. */
  readonly apiKey?: string;
  /** For benchmarks: requests are counted and not looked at, a success is one prepared buffer. Needs `answer`. */
  readonly cheap?: boolean;
}

export interface GeminiSimulator {
  readonly url: string;
  readonly port: number;
  /** The first 10,000 requests, in the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Adds behaviours for the next requests. */
  plan(...behaviours: readonly GeminiBehaviour[]): void;
  /** What a request gets when nothing is planned; at first a success. */
  setDefault(behaviour: GeminiBehaviour): void;
  /** Changes the accepted key, as a rotation does. */
  setApiKey(apiKey: string | undefined): void;
  /** Resolves with the `n`-th request, from 1, once it came to the stage (default: wholly received). */
  waitForRequest(n?: number, stage?: RequestStage): Promise<RecordedRequest>;
  /** Closes the server and every connection; no timer is left. May be called again. */
  stop(): Promise<void>;
}

const PATH = /^\/v1beta\/models\/([a-z0-9.-]+):generateContent$/;

interface Desk {
  readonly options: GeminiSimulatorOptions;
  readonly script: BehaviourScript;
  readonly log: RequestLog;
  readonly prepared: PreparedAnswer | undefined;
  apiKey: string | undefined;
  isStopping: boolean;
}

/**
 * A server that speaks `generateContent` of the Gemini API on loopback, checks requests as the service does and then does what its
 * script says. @throws TypeError for a script that is none; rejects when the port is taken.
 */
export async function startGeminiSimulator(options: GeminiSimulatorOptions = {}): Promise<GeminiSimulator> {
  const prepared = options.answer === undefined ? undefined : pictureAnswer(options.answer, mimeTypeOf(options.answer));
  if (options.cheap === true && prepared === undefined) throw new TypeError('cheap needs an answer');
  const script = createScript(options.script ?? []);
  const desk: Desk = { options, script, log: createRequestLog(), prepared, apiKey: options.apiKey, isStopping: false };
  const server = createServer((request, response) => void serve(desk, request, response));
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1', backlog: 1024 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    requests: desk.log.requests,
    plan: script.plan,
    setDefault: script.setDefault,
    setApiKey: (apiKey) => {
      desk.apiKey = apiKey;
    },
    waitForRequest: (n = 1, stage = 'received') => desk.log.wait(n, stage),
    stop: async () => {
      desk.isStopping = true;
      desk.log.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { 'x-goog-api-key': key, ...headers } = request.headers;
  const record = desk.log.begin({ method: request.method ?? '', path: request.url ?? '', headers });
  const gone = new AbortController();
  response.on('close', () => {
    record.endedAt = performance.now();
    record.bytesSent = response.socket?.bytesWritten ?? record.bytesSent;
    if (record.outcome === 'pending') record.outcome = desk.isStopping ? 'stopped' : 'client_aborted';
    gone.abort(new Error('the connection is gone'));
    desk.log.reached(record, 'ended');
  });
  response.on('finish', () => {
    record.outcome = 'answered';
  });
  try {
    await answer(desk, { request, response, record, apiKey: String(key ?? ''), gone: gone.signal });
  } catch (error) {
    if (gone.signal.aborted || response.headersSent) return void response.destroy();
    const fault = errorAnswer(500, error instanceof Error ? error.message : 'the simulator failed');
    response.writeHead(fault.status, fault.headers).end(fault.body);
  }
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RecordedRequest;
  readonly apiKey: string;
  readonly gone: AbortSignal;
}

async function answer(desk: Desk, visit: Visit): Promise<void> {
  const { request, record } = visit;
  record.keyAccepted = visit.apiKey !== '' && (desk.apiKey === undefined || desk.apiKey === visit.apiKey);
  record.model = PATH.exec(record.path)?.[1];
  const early = desk.script.looksAtPrompts || refusalOf(record) !== undefined ? undefined : choose(desk, visit);
  if (early?.kind === 'stall') return;
  if (early?.kind === 'status' && early.early === true) return await send(desk, visit, early, undefined);
  const body = await receive(request, record, desk.options.cheap === true);
  record.receivedAt = performance.now();
  desk.log.reached(record, 'received');
  const read = desk.options.cheap === true ? undefined : check(record, body);
  if (read !== undefined && 'body' in read) return await reply(desk, visit, { kind: 'success' }, read);
  await send(desk, visit, early ?? choose(desk, visit), read);
}

function choose(desk: Desk, { request, record, apiKey }: Visit): GeminiBehaviour {
  const header = request.headers['x-simulate'];
  const behaviour = desk.script.next({
    header: header === undefined ? undefined : String(header),
    apiKey,
    prompt: record.prompt,
  });
  record.behaviour = behaviour.kind;
  return behaviour;
}

function refusalOf(record: RecordedRequest): PreparedAnswer | undefined {
  if (record.model === undefined || record.method !== 'POST')
    return errorAnswer(404, 'The requested URL was not found.');
  if (!record.keyAccepted) return badKeyAnswer();
  return undefined;
}

function check(record: RecordedRequest, body: Buffer): ReadRequest | PreparedAnswer {
  const refusal = refusalOf(record);
  if (refusal !== undefined) return refusal;
  try {
    if (!/^application\/json\b/.test(String(record.headers['content-type'])))
      throw new InvalidArgument('Unsupported content type.');
    const read = readRequest(body, record.model ?? '');
    record.prompt = read.prompt;
    record.images = read.images;
    record.generationConfig = read.generationConfig;
    return read;
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    return errorAnswer(400, error.message);
  }
}

async function receive(request: IncomingMessage, record: RecordedRequest, isCheap: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      record.bytesReceived += chunk.length;
      if (!isCheap) chunks.push(chunk);
    });
    request.once('end', resolve);
    request.once('error', reject);
  });
  return Buffer.concat(chunks);
}

async function send(
  desk: Desk,
  visit: Visit,
  behaviour: GeminiBehaviour,
  read: ReadRequest | undefined,
): Promise<void> {
  if (behaviour.kind === 'hang') return;
  if (behaviour.delayMs !== undefined) await delay(behaviour.delayMs, undefined, { signal: visit.gone });
  const prepared = plainAnswer(behaviour, visit.record.model ?? '') ?? (await pictureFor(desk, behaviour, read));
  await reply(desk, visit, behaviour, prepared);
}

async function reply(desk: Desk, visit: Visit, behaviour: GeminiBehaviour, prepared: PreparedAnswer): Promise<void> {
  const { record, response, gone } = visit;
  gone.throwIfAborted();
  record.status = prepared.status;
  record.answeredAt = performance.now();
  desk.log.reached(record, 'answering');
  if (behaviour.kind === 'endless') return await sendEndlessly(response, gone);
  const wasCut = await sendAnswer(response, behaviour, prepared, gone);
  if (wasCut) record.outcome = 'cut';
}

async function pictureFor(
  desk: Desk,
  behaviour: GeminiBehaviour,
  read: ReadRequest | undefined,
): Promise<PreparedAnswer> {
  const wishes = behaviour.kind === 'success' ? behaviour : {};
  const isPlain = Object.keys(behaviour).every((key) => key === 'kind' || key === 'delayMs' || key === 'split');
  const { answer: given } = desk.options;
  if (given !== undefined && desk.prepared !== undefined) {
    if (behaviour.kind === 'truncated_image') return truncated(given, mimeTypeOf(given));
    return isPlain || behaviour.kind !== 'success' ? desk.prepared : pictureAnswer(given, mimeTypeOf(given), wishes);
  }
  const { bytes, mimeType } = await paintPicture(read?.photo ?? Buffer.alloc(0), wishes);
  return behaviour.kind === 'truncated_image' ? truncated(bytes, mimeType) : pictureAnswer(bytes, mimeType, wishes);
}

function truncated(picture: Buffer, mimeType: string): PreparedAnswer {
  return pictureAnswer(picture.subarray(0, picture.length >> 1), mimeType);
}

function mimeTypeOf(picture: Buffer): string {
  if (picture[0] === 0x89) return 'image/png';
  return picture[0] === 0x52 ? 'image/webp' : 'image/jpeg';
}
