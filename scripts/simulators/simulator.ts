import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Behaviour, type BehaviourScript, createScript, type Rule } from './behaviour-script.ts';
import type { EndlessAnswer, PreparedAnswer } from './prepared-answer.ts';
import { createRequestLog, type RecordedRequest, type RequestLog, type RequestStage } from './request-log.ts';
import { sendAnswer, sendEndlessly } from './send-answer.ts';
import type { Director, SimulatedCall } from './simulated-call.ts';
import { tellIdentity } from './tell-identity.ts';

export interface SimulatorOptions<Kind extends Behaviour> {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Behaviours are used up in order, one a request; rules stay in force. */
  readonly script?: readonly (Kind | Rule<Kind>)[];
  /** The picture of every success, instead of one painted from the photo. */
  readonly answer?: Buffer;
  /** The only key accepted; without it any key is. */
  readonly apiKey?: string;
  /** For benchmarks: requests are counted and not looked at, a success is one prepared buffer. Needs `answer`. */
  readonly cheap?: boolean;
  readonly director?: Director<Kind>;
}

export interface Simulator<Kind extends Behaviour> {
  readonly url: string;
  readonly port: number;
  /** The first 10,000 requests, in the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Adds behaviours for the next requests. */
  plan(...behaviours: readonly Kind[]): void;
  /** What a request gets when nothing is planned; at first a success. A function is asked for each. */
  setDefault(behaviour: Kind | (() => Kind)): void;
  /** Changes the accepted key, as a rotation does. */
  setApiKey(apiKey: string | undefined): void;
  /** Resolves with the `n`-th request, from 1, once it came to the stage (default: wholly received). */
  waitForRequest(n?: number, stage?: RequestStage): Promise<RecordedRequest>;
  /** Closes the server and every connection; no timer is left. May be called again. */
  stop(): Promise<void>;
}

/** One vendor's service: all that simulators differ in. `Read` is what it understood of a request that passed its checks. */
export interface SimulatedService<Kind extends Behaviour, Read extends SimulatedCall> {
  readonly provider: string;
  readonly kinds: ReadonlySet<string>;
  readonly success: Kind;
  readonly endless: EndlessAnswer;
  /** The key, and the headers without it. */
  splitKey(headers: IncomingHttpHeaders): { apiKey: string; headers: IncomingHttpHeaders };
  /** What the head of a request alone is refused with; it notes what it learns on the record. */
  refusalOf(record: RecordedRequest, apiKey: string): PreparedAnswer | undefined;
  /** Checks a body as strictly as the service does, and notes what it learns on the record. */
  read(record: RecordedRequest, body: Buffer): Promise<{ read: Read } | { refusal: PreparedAnswer }>;
  /** The answer of a behaviour that needs no picture; `undefined` for those that do, or that do not answer. */
  plainAnswer(behaviour: Kind, record: RecordedRequest): PreparedAnswer | undefined;
  /** The answer of the others; `read` is missing where requests are not looked at, `given` is the picture of every success. */
  pictureAnswer(behaviour: Kind, read: Read | undefined, given: Buffer | undefined): Promise<PreparedAnswer>;
  /** How a request is answered that is not one of the service's calls: it uses up no behaviour of theirs. */
  aside?(record: RecordedRequest): ((body: Buffer) => AsideAnswer) | undefined;
  /** The simulator itself failed. */
  fault(message: string): PreparedAnswer;
}

/** What a request besides the calls comes to: an answer, or never one, or a closed connection. */
export interface AsideAnswer {
  readonly answer: PreparedAnswer | 'hang' | 'cut';
  readonly delayMs?: number;
}

interface Desk<Kind extends Behaviour, Read extends SimulatedCall> {
  readonly service: SimulatedService<Kind, Read>;
  readonly options: SimulatorOptions<Kind>;
  readonly script: BehaviourScript<Kind>;
  readonly log: RequestLog;
  readonly prepared: PreparedAnswer | undefined;
  apiKey: string | undefined;
  isStopping: boolean;
}

/**
 * A server that speaks for the service on loopback, checks requests as it does and then does what its script says.
 * @throws TypeError for a script that is none; rejects when the port is taken.
 */
export async function startSimulator<Kind extends Behaviour, Read extends SimulatedCall>(
  service: SimulatedService<Kind, Read>,
  options: SimulatorOptions<Kind>,
): Promise<Simulator<Kind>> {
  const { answer } = options;
  const prepared = answer && (await service.pictureAnswer(service.success, undefined, answer));
  if (options.cheap === true && prepared === undefined) throw new TypeError('cheap needs an answer');
  const script = createScript(service.kinds, options.script ?? [], service.success);
  const log = createRequestLog();
  const desk: Desk<Kind, Read> = {
    ...{ service, options, script, log, prepared },
    apiKey: options.apiKey,
    isStopping: false,
  };
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
    requests: log.requests,
    plan: script.plan,
    setDefault: script.setDefault,
    setApiKey: (apiKey) => {
      desk.apiKey = apiKey;
    },
    waitForRequest: (n = 1, stage = 'received') => log.wait(n, stage),
    stop: async () => {
      desk.isStopping = true;
      log.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function serve<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (tellIdentity(desk.service.provider, request, response)) return;
  const { apiKey, headers } = desk.service.splitKey(request.headers);
  const record = desk.log.begin({ method: request.method ?? '', path: request.url ?? '', headers });
  record.keyAccepted = apiKey !== '' && (desk.apiKey === undefined || desk.apiKey === apiKey);
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
    await answer(desk, { request, response, record, apiKey, gone: gone.signal });
  } catch (error) {
    if (gone.signal.aborted || response.headersSent) return void response.destroy();
    const fault = desk.service.fault(error instanceof Error ? error.message : 'the simulator failed');
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

async function answer<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  visit: Visit,
): Promise<void> {
  const { service, script, options, log } = desk;
  const { request, record, apiKey } = visit;
  const aside = service.aside?.(record);
  if (aside !== undefined) return await answerAside(desk, visit, aside);
  const refusal = service.refusalOf(record, apiKey);
  const isLate = script.looksAtPrompts || refusal !== undefined || options.director !== undefined;
  const early = isLate ? undefined : choose(desk, visit);
  if (early?.kind === 'stall') return;
  if (early?.kind === 'status' && early.early === true) return await send(desk, visit, early, undefined);
  const body = await receive(request, record, options.cheap === true);
  record.receivedAt = performance.now();
  log.reached(record, 'received');
  if (options.cheap === true) return await send(desk, visit, early ?? choose(desk, visit), undefined);
  const checked = refusal === undefined ? await service.read(record, body) : { refusal };
  if ('refusal' in checked) return await reply(desk, visit, service.success, checked.refusal);
  if (options.director !== undefined) return await beDirected(desk, visit, options.director, checked.read);
  await send(desk, visit, early ?? choose(desk, visit), checked.read);
}

async function answerAside<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  visit: Visit,
  aside: (body: Buffer) => AsideAnswer,
): Promise<void> {
  const { request, response, record, gone } = visit;
  const body = await receive(request, record, false);
  record.receivedAt = performance.now();
  const { answer, delayMs } = aside(body);
  desk.log.reached(record, 'received');
  if (delayMs !== undefined) await delay(delayMs, undefined, { signal: gone });
  if (answer === 'hang') return;
  if (answer !== 'cut') return await reply(desk, visit, desk.service.success, answer);
  record.outcome = 'cut';
  response.socket?.destroySoon();
}

async function beDirected<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  visit: Visit,
  director: Director<Kind>,
  read: Read,
): Promise<void> {
  const behaviour = await director.direct(read);
  visit.record.behaviour = behaviour.kind;
  if (behaviour.kind === 'success') visit.response.once('finish', () => director.served(read));
  await send(desk, visit, behaviour, read);
}

function choose<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  { request, record, apiKey }: Visit,
): Kind {
  const header = request.headers['x-simulate'];
  const behaviour = desk.script.next({
    header: header === undefined ? undefined : String(header),
    apiKey,
    prompt: record.prompt,
  });
  record.behaviour = behaviour.kind;
  return behaviour;
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

async function send<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  visit: Visit,
  behaviour: Kind,
  read: Read | undefined,
): Promise<void> {
  if (behaviour.kind === 'hang') return;
  if (behaviour.delayMs !== undefined) await delay(behaviour.delayMs, undefined, { signal: visit.gone });
  if (behaviour.kind === 'endless') return await reply(desk, visit, behaviour, desk.service.endless.head);
  const { service, options } = desk;
  const prepared =
    service.plainAnswer(behaviour, visit.record) ??
    (isCommon(behaviour) ? desk.prepared : undefined) ??
    (await service.pictureAnswer(behaviour, read, options.answer));
  await reply(desk, visit, behaviour, prepared);
}

/** Whether the answer is the same as that of any other success, however it is sent. */
function isCommon(behaviour: Behaviour): boolean {
  const { kind, delayMs: _delay, split: _split, ...wishes } = behaviour;
  return kind === 'drip' || kind === 'cut' || (kind === 'success' && Object.keys(wishes).length === 0);
}

async function reply<Kind extends Behaviour, Read extends SimulatedCall>(
  desk: Desk<Kind, Read>,
  visit: Visit,
  behaviour: Kind,
  prepared: PreparedAnswer,
): Promise<void> {
  const { record, response, gone } = visit;
  gone.throwIfAborted();
  record.status = prepared.status;
  record.answeredAt = performance.now();
  desk.log.reached(record, 'answering');
  if (behaviour.kind === 'endless') return await sendEndlessly(response, desk.service.endless, gone);
  const wasCut = await sendAnswer(response, behaviour, prepared, gone);
  if (wasCut) record.outcome = 'cut';
}
