import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type BehaviourScript, createScript, type Rule } from './behaviour-script.ts';
import { POLL_KINDS, type PollBehaviour } from './poll-behaviour.ts';
import {
  jsonAnswer,
  type PollDialect,
  type PollJob,
  type PollRoute,
  type PollStep,
  receivedPictures,
  type SubmittedJob,
} from './poll-dialect.ts';
import { pictureOf, sendPicture } from './poll-picture.ts';
import { createStepLog, type StepLog, type StepRecord } from './poll-step-log.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import type { Director } from './simulated-call.ts';
import { tellIdentity } from './tell-identity.ts';

export interface PollSimulatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Behaviours are used up in order, one a job; rules stay in force. */
  readonly script?: readonly (PollBehaviour | Rule<PollBehaviour>)[];
  /** The picture of every success, instead of one painted from the photo. */
  readonly answer?: Buffer;
  /** The only key accepted; without it any key is. */
  readonly apiKey?: string;
  readonly director?: Director<PollBehaviour>;
}

export interface PollSimulator {
  readonly url: string;
  readonly port: number;
  /** Every request, in the order of arrival. */
  readonly steps: readonly StepRecord[];
  /** Adds behaviours for the next jobs. */
  plan(...behaviours: readonly PollBehaviour[]): void;
  /** What a job gets when nothing is planned; at first a success. A function is asked for each. */
  setDefault(behaviour: PollBehaviour | (() => PollBehaviour)): void;
  setApiKey(apiKey: string | undefined): void;
  /** Resolves with the `n`-th request of a step, from 1, once it was answered; of a step that hangs, once it was read. */
  waitForStep(step: PollStep, n?: number): Promise<StepRecord>;
  /** Closes the server and every connection; no timer is left. May be called again. */
  stop(): Promise<void>;
}

interface Desk {
  readonly dialect: PollDialect;
  readonly options: PollSimulatorOptions;
  readonly script: BehaviourScript<PollBehaviour>;
  readonly log: StepLog;
  readonly jobs: Map<string, PollJob>;
  apiKey: string | undefined;
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: StepRecord;
  readonly base: string;
  readonly gone: AbortSignal;
}

/** A server that speaks for a poll service on loopback. @throws TypeError for a script that is none; rejects when the port is taken. */
export async function startPollSimulator(dialect: PollDialect, options: PollSimulatorOptions): Promise<PollSimulator> {
  const script = createScript<PollBehaviour>(POLL_KINDS, options.script ?? [], { kind: 'success' });
  const desk: Desk = { dialect, options, script, log: createStepLog(), jobs: new Map(), apiKey: options.apiKey };
  const host = options.host ?? '127.0.0.1';
  const server = createServer((request, response) => void serve(desk, request, response, base()));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port ?? 0, host }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const base = (): string => `http://${host}:${port}`;
  return {
    url: base(),
    port,
    steps: desk.log.steps,
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

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse, base: string): Promise<void> {
  if (tellIdentity(desk.dialect.provider, request, response)) return;
  const path = request.url ?? '';
  const route = desk.dialect.route(request.method ?? '', path);
  const record = desk.log.begin({ step: route?.step, jobId: route?.jobId, path, headers: request.headers });
  const gone = new AbortController();
  response.on('close', () => gone.abort(new Error('the connection is gone')));
  try {
    const body = await receive(request);
    const visit: Visit = { request, response, record, base, gone: gone.signal };
    const answer =
      route === undefined ? desk.dialect.error(404, 'Not Found') : await answerTo(desk, visit, route, body);
    if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body);
  } catch (error) {
    if (gone.signal.aborted || response.headersSent) return void response.destroy();
    response.writeHead(500).end(error instanceof Error ? error.message : 'the simulator failed');
  } finally {
    desk.log.answered(record);
  }
}

async function receive(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Nothing where the answer was sent, or never will be. */
async function answerTo(desk: Desk, visit: Visit, route: PollRoute, body: Buffer): Promise<PreparedAnswer | undefined> {
  const { dialect, options } = desk;
  const job = desk.jobs.get(route.jobId ?? '');
  if (route.step === 'picture') {
    const { director } = options;
    if (job?.behaviour.kind === 'success') visit.response.once('finish', () => director?.served(job.call));
    if (job !== undefined) return await sendPicture(job, options.answer, visit.response, visit.gone);
    return { status: 404, headers: {}, body: Buffer.alloc(0) };
  }
  const key = dialect.keyOf(visit.request.headers);
  if (key === '' || (desk.apiKey !== undefined && key !== desk.apiKey)) return dialect.error(401, undefined);
  if (route.step === 'submit') return await take(desk, visit, body);
  if (job === undefined || job.behaviour.kind === 'lost') return dialect.unknownJob();
  if (route.step === 'poll') return poll(desk, visit, job);
  if (route.step === 'cancel') {
    if (job.state === 'under way') job.state = 'canceled';
    return dialect.canceled(job);
  }
  return dialect.result?.(job, pictureUrlOf(visit.base, job));
}

async function take(desk: Desk, visit: Visit, body: Buffer): Promise<PreparedAnswer | undefined> {
  const { dialect, script, options } = desk;
  const read = dialect.read(visit.record.path, visit.request.headers, parse(body));
  if (typeof read === 'string') return dialect.error(422, read);
  visit.record.pictures = receivedPictures(read.input);
  const header = visit.request.headers['x-simulate'];
  const key = dialect.keyOf(visit.request.headers);
  const behaviour = options.director
    ? await options.director.direct(read)
    : script.next({ header: header === undefined ? undefined : String(header), apiKey: key, prompt: read.prompt });
  if (behaviour.delayMs !== undefined) await delay(behaviour.delayMs, undefined, { signal: visit.gone });
  const refusal = refusalOf(dialect, behaviour, visit);
  if (refusal !== 'none') return refusal;
  const job = jobOf(behaviour, read);
  job.picture = pictureOf(behaviour, read.photo, options.answer);
  job.picture.catch(() => undefined);
  desk.jobs.set(job.id, job);
  visit.record.jobId = job.id;
  const base = behaviour.kind === 'wrong_host' ? `https://${behaviour.host ?? 'api.evil.example'}` : visit.base;
  const answer = dialect.taken(job, base, job.state === 'done' ? pictureUrlOf(visit.base, job) : undefined);
  return behaviour.kind === 'no_id' ? jsonAnswer(answer.status, {}) : answer;
}

/** What a job is refused with at once; undefined where there is no answer. */
function refusalOf(dialect: PollDialect, behaviour: PollBehaviour, visit: Visit): PreparedAnswer | undefined | 'none' {
  switch (behaviour.kind) {
    case 'no_credits':
      return dialect.noCredits();
    case 'bad_key':
      return dialect.error(401, undefined);
    case 'bad_request':
      return dialect.error(422, 'Input should be a valid value');
    case 'throttled': {
      const answer = dialect.error(429, undefined);
      const hint = behaviour.retryAfter === undefined ? {} : { 'retry-after': behaviour.retryAfter };
      return { ...answer, headers: { ...answer.headers, ...hint } };
    }
    case 'status':
      return dialect.error(behaviour.status, behaviour.message);
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: Buffer.from('<!doctype html><h1>Signed out</h1>'),
      };
    case 'cut':
      visit.response.socket?.destroySoon();
      return undefined;
    case 'hang':
      return undefined;
    default:
      return 'none';
  }
}

function jobOf(behaviour: PollBehaviour, call: SubmittedJob): PollJob {
  const polls = 'polls' in behaviour ? (behaviour.polls ?? 1) : 1;
  return {
    id: randomUUID(),
    behaviour,
    call,
    model: call.model,
    input: call.input,
    state: polls === 0 ? endOf(behaviour) : 'under way',
    pollsLeft: polls,
    pollFaultsLeft: behaviour.kind === 'poll_fault' ? (behaviour.times ?? 1) : 0,
    pictureFaultsLeft: behaviour.kind === 'picture_fault' ? (behaviour.times ?? Number.POSITIVE_INFINITY) : 0,
    picture: undefined,
  };
}

function endOf({ kind }: PollBehaviour): PollJob['state'] {
  return kind === 'failed' || kind === 'moderated' || kind === 'canceled' || kind === 'aborted' ? kind : 'done';
}

function poll({ dialect }: Desk, visit: Visit, job: PollJob): PreparedAnswer | undefined {
  const { behaviour } = job;
  if (behaviour.kind === 'poll_fault' && job.pollFaultsLeft > 0) {
    job.pollFaultsLeft -= 1;
    if (behaviour.status !== 0) {
      const answer = dialect.error(behaviour.status, undefined);
      const hint = behaviour.retryAfter === undefined ? {} : { 'retry-after': behaviour.retryAfter };
      return { ...answer, headers: { ...answer.headers, ...hint } };
    }
    visit.response.socket?.destroySoon();
    return undefined;
  }
  if (job.state === 'under way' && behaviour.kind !== 'never') {
    if (job.pollsLeft === 0) job.state = endOf(behaviour);
    else job.pollsLeft -= 1;
  }
  return dialect.polled(job, visit.base, pictureUrlOf(visit.base, job));
}

/** Where the picture is said to be. */
function pictureUrlOf(base: string, { id, behaviour }: PollJob): string {
  const fault = behaviour.kind === 'picture_fault' ? behaviour.fault : undefined;
  if (fault === 'wrong_host') return `https://cdn.evil.example/picture/${id}`;
  if (fault === 'plain_http') return `http://169.254.169.254/picture/${id}`;
  if (fault === 'own_content') return 'data:image/png;base64,iVBORw0KGgo=';
  return `${base}/picture/${id}`;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
