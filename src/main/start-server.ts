/** The composition root: makes every part, connects them, starts and stops them in order. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createHandlers } from '../../handlers/index.ts';
import type { Config } from '../config.ts';
import { type Contract, type ContractValidators, createContract } from '../contract/contract.ts';
import { DomainError } from '../domain/errors.ts';
import { createApp } from '../http/app.ts';
import { createClientAddress } from '../http/client-address.ts';
import { type HttpServer, startHttpServer } from '../http/server.ts';
import type { Log } from '../log.ts';
import { createDiskStore } from '../media/disk-store.ts';
import { finishResult } from '../media/finish-result.ts';
import { createHeldRequests, type HeldRequests } from '../services/job/held-requests.ts';
import { seedProviderLanes } from '../services/provider/seed-provider-lanes.ts';
import { type IngestPasswordSeed, seedIngestPassword } from '../services/settings/first-run.ts';
import { findIgnoredSeeds } from '../services/settings/ignored-seeds.ts';
import { createWorker, type Worker } from '../worker/worker.ts';
import type { WorkerDeps } from '../worker/worker-deps.ts';
import { createHandlerDeps, type HandlerParts } from './create-handler-deps.ts';
import { createProviders } from './create-providers.ts';
import { lanAddress } from './lan-address.ts';
import { type OpenDatabase, openDatabase } from './open-database.ts';
import { startTasks, type Tasks } from './start-tasks.ts';

/** How long a start waits for the listening connection, in milliseconds. */
const LISTEN_PATIENCE_MS = 3_000;

/** What a test may ask of a server beyond its configuration. */
export interface StartOptions {
  /** Checks every answer against these validators and reports what does not fit; for tests and development. */
  readonly strictResponses?: ContractValidators['responseValidators'];
}

/** A started server. */
export interface RunningServer {
  readonly config: Config;
  readonly log: Log;
  /** Undefined in a process that serves no requests. */
  readonly address: AddressInfo | undefined;
  readonly publicBaseUrl: string;
  readonly ingestPassword: IngestPasswordSeed;
  /** Variables (without prefix) that have no effect, because settings hold a value. */
  readonly ignoredSeeds: readonly string[];
  /** Finishes what is held and running within the grace period, gives the rest back, and ends. */
  stop(): Promise<void>;
}

/** Starts a server. Whatever fails, nothing of it is left running. */
export async function startServer(config: Config, log: Log, options: StartOptions = {}): Promise<RunningServer> {
  mkdirSync(config.homePath, { recursive: true });
  const database = await openDatabase(config, log);
  const undo = [() => database.close()];
  try {
    const { providers, close: closeProviders } = createProviders(config);
    undo.unshift(closeProviders);
    const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: config.values.MEDIA_FREE_BYTES_MIN });
    await store.open();
    await seedProviderLanes({ db: database.db, providers });
    // before the first run seeds anything: what it seeds itself is not ignored
    const ignoredSeeds = await findIgnoredSeeds(database.db, config.given, config.values.T_SYNC_RESPONSE_SECONDS);
    const ingestPassword = await firstRun(config, database);
    const deps: WorkerDeps = {
      db: database.db,
      store,
      providers,
      held: createHeldRequests(),
      finishResult,
      log,
      options: workerOptions(config),
    };
    const worker = config.values.ROLE === 'api' ? undefined : createWorker(deps);
    const tasks = startTasks({ config, databaseUrl: database.url, deps, worker });
    undo.unshift(() => tasks.stop());
    const state = { isDraining: false };
    const links = { baseUrl: publicBaseUrl(config, undefined) };
    const parts = { config, deps, worker, isDraining: () => state.isDraining, publicBaseUrl: () => links.baseUrl };
    const http = config.values.ROLE === 'worker' ? undefined : await serve({ config, log, parts, options });
    links.baseUrl = publicBaseUrl(config, http?.address);
    undo.unshift(async () => http?.destroy());
    worker?.start();
    await heardOf(tasks, log);
    return {
      config,
      log,
      address: http?.address,
      publicBaseUrl: links.baseUrl,
      ingestPassword,
      ignoredSeeds,
      stop: () => stop({ config, log, state, held: deps.held, http, worker, undo }),
    };
  } catch (error) {
    // what failed first is what people must hear of
    await runAll(undo).catch((fault: unknown) => log.warn({ err: fault }, 'not everything could be undone'));
    throw error;
  }
}

/** Without notifications everything works, at the speed of the polls: worth a warning, no reason not to start. */
async function heardOf(tasks: Tasks, log: Log): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<'silent'>((resolve) => {
    timer = setTimeout(resolve, LISTEN_PATIENCE_MS, 'silent' as const);
  });
  const heard = await Promise.race([tasks.listener.ready, patience]);
  clearTimeout(timer);
  if (heard === 'silent') log.warn({}, 'the database sends no notifications yet; polling instead');
}

async function firstRun(config: Config, database: OpenDatabase): Promise<IngestPasswordSeed> {
  const seed = await seedIngestPassword(database.db, config.values.INGEST_PASSWORD);
  if (seed.kind === 'made') {
    const text = JSON.stringify({ ingest_password: seed.password, made_at: new Date().toISOString() }, null, 2);
    writeFileSync(join(config.homePath, 'first-run.json'), `${text}\n`, { mode: 0o600 });
  }
  return seed;
}

const workerOptions = (config: Config): WorkerDeps['options'] => ({
  workerId: randomUUID(),
  concurrency: config.values.WORKER_CONCURRENCY,
  leaseMs: config.leaseMs,
  imagePixelsMax: config.values.IMAGE_PIXELS_MAX,
  retentionHours: config.values.RESULT_RETENTION_HOURS,
});

interface ServeParts {
  readonly config: Config;
  readonly log: Log;
  readonly parts: HandlerParts;
  readonly options: StartOptions;
}

async function serve({ config, log, parts, options }: ServeParts): Promise<HttpServer> {
  const handlers = createHandlers({
    ...createHandlerDeps(parts),
    contractDocument: () => contract.document,
    contractVersion: () => contract.version,
  });
  const contract: Contract = createContract(
    handlers,
    options.strictResponses && { responseValidators: options.strictResponses },
  );
  const app = createApp({
    contract,
    log,
    access: {
      verifyToken: () => Promise.reject(new DomainError('unauthorized', 'Nobody can sign in yet.')),
      metricsToken: config.values.METRICS_TOKEN,
    },
    clientAddress: createClientAddress(config.values.TRUSTED_PROXIES),
    ...(options.strictResponses && {
      onFaultyResponse: (operationId, faults) => {
        throw new Error(`${operationId} answered what the contract does not say: ${JSON.stringify(faults)}`);
      },
    }),
  });
  return startHttpServer(app, {
    host: config.values.HOST,
    port: config.values.PORT,
    onError: (error) => log.error({ err: error }, 'a connection could not be accepted'),
  });
}

function publicBaseUrl(config: Config, address: AddressInfo | undefined): string {
  if (config.values.PUBLIC_BASE_URL !== undefined) return config.values.PUBLIC_BASE_URL;
  const isWildcard = address?.address === '0.0.0.0' || address?.address === '::';
  const host = isWildcard ? (lanAddress() ?? '127.0.0.1') : (address?.address ?? config.values.HOST);
  return `http://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? config.values.PORT}`;
}

interface StopParts {
  readonly config: Config;
  readonly log: Log;
  readonly state: { isDraining: boolean };
  readonly http: HttpServer | undefined;
  readonly worker: Worker | undefined;
  readonly held: HeldRequests;
  readonly undo: readonly (() => Promise<void>)[];
}

/** While requests are held the server goes on listening: `/readyz` and stations are told in words that it is about to stop. */
async function drain({ held, http, worker }: StopParts): Promise<void> {
  worker?.drain();
  await held.whenEmpty();
  await Promise.all([http?.close(), worker?.idle()]);
}

async function stop(parts: StopParts): Promise<void> {
  const { config, log, state, worker, undo } = parts;
  state.isDraining = true;
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<'grace is over'>((resolve) => {
    timer = setTimeout(resolve, config.shutdownGraceMs, 'grace is over' as const);
  });
  const end = await Promise.race([drain(parts), grace]);
  clearTimeout(timer);
  if (end === 'grace is over')
    log.warn({ grace_ms: config.shutdownGraceMs, running: worker?.running() ?? 0 }, 'grace is over; giving jobs back');
  await runAll([async () => worker?.stopClaiming(), async () => worker?.giveBack(), ...undo]);
}

/** Runs every step, also after one failed. @throws the first failure, at the end. */
async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
