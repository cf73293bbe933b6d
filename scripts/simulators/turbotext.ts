import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type BehaviourScript, createScript, type Rule } from './behaviour-script.ts';
import { paintPicture } from './paint-picture.ts';
import { createStepLog, type StepLog, type StepRecord } from './poll-step-log.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { pictureMimeType } from './received-image.ts';
import type { Director, SimulatedCall } from './simulated-call.ts';
import { tellIdentity } from './tell-identity.ts';
import {
  failureAnswer,
  finishedAnswer,
  reconnectAnswer,
  refusalAnswer,
  takenAnswer,
  uselessAnswer,
} from './turbotext-answers.ts';
import { TURBOTEXT_KINDS, type TurbotextBehaviour } from './turbotext-behaviour.ts';
import { type FetchedImage, fetchImages, fieldFault, hasMethod } from './turbotext-request.ts';

export interface TurbotextSimulatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Behaviours are used up in order, one a job; rules stay in force. */
  readonly script?: readonly (TurbotextBehaviour | Rule<TurbotextBehaviour>)[];
  /** The picture of every success, instead of one painted from the photo. */
  readonly answer?: Buffer;
  /** The only key accepted; without it any key is. */
  readonly apiKey?: string;
  readonly director?: Director<TurbotextBehaviour>;
}

/** A job that the simulated service took, and was paid for. */
export interface TurbotextJob {
  readonly queueId: number;
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
  /** What the links led to, by their fields; rejects where that was no image. */
  readonly images: Promise<ReadonlyMap<string, FetchedImage>>;
}

export interface TurbotextSimulator {
  readonly url: string;
  readonly port: number;
  /** Every request, in the order of arrival: `submit`, `poll` or `picture`. */
  readonly steps: readonly StepRecord[];
  readonly jobs: readonly TurbotextJob[];
  /** Adds behaviours for the next jobs. */
  plan(...behaviours: readonly TurbotextBehaviour[]): void;
  /** What a job gets when nothing is planned; at first a success. A function is asked for each. */
  setDefault(behaviour: TurbotextBehaviour | (() => TurbotextBehaviour)): void;
  setApiKey(apiKey: string | undefined): void;
  /** Resolves with the `n`-th request of a kind, from 1, once it was answered; of one that hangs, once it was read. */
  waitForStep(step: Parameters<StepLog['wait']>[0], n?: number): Promise<StepRecord>;
  /** Closes the server and every connection; no timer is left. May be called again. */
  stop(): Promise<void>;
}

interface OpenJob extends TurbotextJob {
  readonly call: SimulatedCall;
  readonly behaviour: TurbotextBehaviour;
  pollsLeft: number;
  pollFaultsLeft: number;
  pictureFaultsLeft: number;
  picture: Promise<Buffer> | undefined;
}

interface Desk {
  readonly options: TurbotextSimulatorOptions;
  readonly script: BehaviourScript<TurbotextBehaviour>;
  readonly log: StepLog;
  readonly jobs: OpenJob[];
  readonly base: () => string;
  apiKey: string | undefined;
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: StepRecord;
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly gone: AbortSignal;
}

/** No answer is sent: the connection hangs or was cut. */
type Answer = PreparedAnswer | undefined;

const FIRST_QUEUE_ID = 1_000_001;

/**
 * A server that speaks Turbotext's photo API on loopback. It fetches the images of a job by their links, as the service does, and
 * fails a job whose links lead to anything else. @throws TypeError for a script that is none; rejects when the port is taken.
 */
export async function startTurbotextSimulator(options: TurbotextSimulatorOptions = {}): Promise<TurbotextSimulator> {
  const host = options.host ?? '127.0.0.1';
  const script = createScript<TurbotextBehaviour>(TURBOTEXT_KINDS, options.script ?? [], { kind: 'success' });
  const server = createServer((request, response) => void serve(desk, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port ?? 0, host }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://${host}:${port}`;
  const desk: Desk = { options, script, log: createStepLog(), jobs: [], base: () => url, apiKey: options.apiKey };
  return {
    url,
    port,
    steps: desk.log.steps,
    jobs: desk.jobs,
    plan: script.plan,
    setDefault: script.setDefault,
    setApiKey: (apiKey) => {
      desk.apiKey = apiKey;
    },
    waitForStep: (step, n = 1) => desk.log.wait(step, n),
    stop: async () => {
      desk.log.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (tellIdentity('turbotext', request, response)) return;
  const path = request.url ?? '';
  const method = /^\/api_ai\/(\w+)$/.exec(path)?.[1] ?? '';
  const gone = new AbortController();
  response.on('close', () => gone.abort(new Error('the connection is gone')));
  const chunks: Buffer[] = [];
  let record: StepRecord | undefined;
  try {
    for await (const chunk of request) chunks.push(chunk);
    const fields = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    const isPicture = request.method === 'GET' && path.startsWith('/uploads/');
    const question = fields['do'] === 'get_result' ? 'poll' : 'submit';
    const step = isPicture ? 'picture' : question;
    record = desk.log.begin({ step, jobId: fields['queueid'], path, headers: request.headers });
    const visit: Visit = { request, response, record, method, fields, gone: gone.signal };
    const answer = await (isPicture ? sendPicture(desk, visit) : answerTo(desk, visit));
    if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body);
  } catch (error) {
    if (gone.signal.aborted || response.headersSent) return void response.destroy();
    response.writeHead(500).end(error instanceof Error ? error.message : 'the simulator failed');
  } finally {
    if (record !== undefined) desk.log.answered(record);
  }
}

async function answerTo(desk: Desk, visit: Visit): Promise<Answer> {
  const { request, method, fields } = visit;
  if (request.method !== 'POST' || !hasMethod(method)) return failureAnswer('Неизвестный метод', 404);
  const key = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (key === '' || (desk.apiKey !== undefined && desk.apiKey !== key)) return failureAnswer('Неверный API ключ', 401);
  if (request.headers['content-type'] !== 'application/x-www-form-urlencoded') return failureAnswer('Неверный формат');
  if (fields['do'] === 'create_queue') return await take(desk, visit, key);
  return fields['do'] === 'get_result' ? await poll(desk, visit) : failureAnswer('Неверный параметр do');
}

async function take(desk: Desk, visit: Visit, apiKey: string): Promise<Answer> {
  const { method, fields, response } = visit;
  const fault = fieldFault(method, fields);
  if (fault !== undefined) return failureAnswer(fault);
  const { call, behaviour } = await choose(desk, visit, apiKey);
  if (behaviour.delayMs !== undefined) await delay(behaviour.delayMs, undefined, { signal: visit.gone });
  if (behaviour.kind === 'cut') response.socket?.destroySoon();
  if (behaviour.kind === 'cut' || behaviour.kind === 'hang') return undefined;
  const refusal = refusalAnswer(behaviour);
  if (refusal !== undefined) return refusal;
  const job = openJob(desk, visit, call, behaviour);
  desk.jobs.push(job);
  visit.record.jobId = String(job.queueId);
  return takenAnswer(job.queueId, behaviour);
}

/** Who directs looks at the photo; a script does not wait for it. */
async function choose(
  { options: { director }, script }: Desk,
  { request, method, fields }: Visit,
  apiKey: string,
): Promise<{ call: SimulatedCall; behaviour: TurbotextBehaviour }> {
  const found = director && (await fetchImages(method, fields).catch(() => undefined));
  const [photo] = [...(found?.values() ?? [])];
  const call: SimulatedCall = { prompt: fields['content'] ?? '', photo: photo?.bytes ?? Buffer.alloc(0) };
  const header = request.headers['x-simulate'];
  const behaviour = director
    ? await director.direct(call)
    : script.next({ header: header === undefined ? undefined : String(header), apiKey, prompt: fields['content'] });
  return { call, behaviour };
}

function openJob(
  { jobs }: Desk,
  { method, fields }: Visit,
  call: SimulatedCall,
  behaviour: TurbotextBehaviour,
): OpenJob {
  const images = fetchImages(method, fields);
  images.catch(() => undefined);
  return {
    call,
    queueId: FIRST_QUEUE_ID + jobs.length,
    method,
    fields,
    images,
    behaviour,
    pollsLeft: 'polls' in behaviour ? (behaviour.polls ?? 0) : 0,
    pollFaultsLeft: behaviour.kind === 'poll_fault' ? (behaviour.times ?? 1) : 0,
    pictureFaultsLeft: behaviour.kind === 'picture_fault' ? (behaviour.times ?? Number.POSITIVE_INFINITY) : 0,
    picture: undefined,
  };
}

async function poll(desk: Desk, { fields, method, response }: Visit): Promise<Answer> {
  const job = desk.jobs.find(({ queueId }) => String(queueId) === fields['queueid']);
  if (job === undefined || job.method !== method || job.behaviour.kind === 'lost')
    return failureAnswer('Очередь не найдена');
  const { behaviour } = job;
  if (behaviour.kind === 'poll_fault' && job.pollFaultsLeft > 0) {
    job.pollFaultsLeft -= 1;
    if (behaviour.fault === 'cut') response.socket?.destroySoon();
    return uselessAnswer(behaviour.fault);
  }
  if (behaviour.kind === 'never') return reconnectAnswer();
  if (job.pollsLeft > 0) {
    job.pollsLeft -= 1;
    return reconnectAnswer();
  }
  try {
    await job.images;
  } catch {
    return failureAnswer('url_error');
  }
  if (behaviour.kind === 'failed') return failureAnswer(behaviour.message ?? 'Ошибка генерации');
  if (behaviour.kind === 'forbidden_content') return failureAnswer('forbidden_content');
  const isElsewhere = behaviour.kind === 'picture_fault' && behaviour.fault === 'wrong_host';
  const base = isElsewhere ? 'https://cdn.evil.example' : desk.base();
  return finishedAnswer(behaviour, base, `/uploads/${job.queueId}`);
}

async function sendPicture(desk: Desk, { record, response }: Visit): Promise<Answer> {
  const job = desk.jobs.find(({ queueId }) => record.path === `/uploads/${queueId}`);
  const nothing = Buffer.alloc(0);
  if (job === undefined) return { status: 404, headers: {}, body: nothing };
  record.jobId = String(job.queueId);
  job.picture ??= pictureOf(desk, job);
  const bytes = await job.picture;
  const headers = { 'content-type': pictureMimeType(bytes) };
  const { behaviour, call } = job;
  if (behaviour.kind === 'success') response.once('finish', () => desk.options.director?.served(call));
  if (behaviour.kind !== 'picture_fault' || job.pictureFaultsLeft === 0) return { status: 200, headers, body: bytes };
  job.pictureFaultsLeft -= 1;
  switch (behaviour.fault) {
    case 'missing':
      return { status: 404, headers: {}, body: nothing };
    case 'html':
      return { status: 200, headers, body: Buffer.from('<!doctype html><p>Soon</p>') };
    case 'truncated':
      return { status: 200, headers, body: bytes.subarray(0, bytes.length >> 1) };
    case 'private_redirect':
      return { status: 302, headers: { location: 'http://169.254.169.254/latest/' }, body: nothing };
    default:
      return { status: 503, headers: {}, body: nothing };
  }
}

/** Painted from the image that is worked on: the first of the method. */
async function pictureOf({ options }: Desk, { images, behaviour }: OpenJob): Promise<Buffer> {
  if (options.answer !== undefined) return options.answer;
  const [photo] = [...(await images).values()];
  const format = behaviour.kind === 'success' ? behaviour.format : undefined;
  return (await paintPicture(photo?.bytes ?? Buffer.alloc(0), format === undefined ? {} : { format })).bytes;
}
