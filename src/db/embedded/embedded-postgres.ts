/**
 * A PostgreSQL server of our own for machines without one: real PostgreSQL 18, on 127.0.0.1 only, in `<home>/postgres`.
 *
 * One process owns it: the one that started it, or that found it running after its owner died (adoption). The owner restarts
 * it when it dies and stops it at its own end. Every other process of the same home attaches and never stops it. A killed
 * owner leaves the server running, for the next start to adopt.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../log.ts';
import { prepareBinaries } from './binaries.ts';
import { type BringUpOrigin, bringUp, type StartPlan, startWithRetries } from './bring-up.ts';
import { clusterMajorVersion } from './cluster.ts';
import { EmbeddedPostgresError, failureFromOutput } from './embedded-error.ts';
import { type OwnerLock, type OwnerRecord, takeOwnership } from './owner-lock.ts';
import { choosePlace } from './place.ts';
import { type RunningServer, stopServer } from './server.ts';
import { connectionUrl, superuserPassword, verifyServer } from './superuser.ts';
import { supervise } from './supervise.ts';

const ATTACH_LIMIT_MS = 60_000;
const POLL_MS = 20;
const DEFAULT_USER = 'photochanger';

/** `attached`: another process of this home owns the server. */
export type EmbeddedOrigin = BringUpOrigin | 'attached';

/** Facts for the log and for diagnosis; no secret among them. */
export interface EmbeddedFacts {
  readonly origin: EmbeddedOrigin;
  readonly port: number;
  /** `undefined` when another process owns the server. */
  readonly dataDirectory: string | undefined;
  /** Whether the data live outside the home, because the user PostgreSQL runs as cannot reach it. */
  readonly isRelocated: boolean;
  /** The operating system's user PostgreSQL runs as, when that is another one than this process's. */
  readonly runsAs: string | undefined;
  readonly durationMs: number;
}

/** A running embedded database, as one process holds it. */
export interface EmbeddedPostgres {
  /** With the superuser's password: never log it. */
  readonly url: string;
  readonly owner: boolean;
  readonly facts: EmbeddedFacts;
  /** Owner: fast shutdown, returns when the server is gone and the ownership given up. Others: nothing. May be called twice. */
  stop(): Promise<void>;
}

/** Which home to open, and what to overrule there. */
export interface EmbeddedOptions {
  /** The directory of this installation's state; `postgres/` is made in it. */
  readonly home: string;
  /** Default: the port of the last start if it is free, else a random free one below 32768. */
  readonly port?: number | undefined;
  /** The superuser's name in the database, fixed when the cluster is made. */
  readonly user?: string | undefined;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** What one call to open knows from the beginning. */
interface Opening extends EmbeddedOptions {
  readonly stateDirectory: string;
  readonly startedAt: number;
}

/** Brings up and proves the server, and announces it to the processes that wait to attach. */
async function takeCharge(
  plan: StartPlan,
  lock: OwnerLock,
): Promise<{ server: RunningServer; origin: BringUpOrigin; url: string }> {
  const { dataDirectory } = plan.place;
  const { server, origin } = await bringUp(plan);
  try {
    const url = connectionUrl({ ...plan, port: server.port });
    await verifyServer(url, dataDirectory);
    lock.publish('ready', server.port);
    return { server, origin, url };
  } catch (error) {
    if (origin !== 'adopted') await stopServer(server.pid, dataDirectory, plan.binaries.pgCtl);
    throw error;
  }
}

async function own({ log, stateDirectory, startedAt, ...wanted }: Opening, lock: OwnerLock): Promise<EmbeddedPostgres> {
  const place = choosePlace(stateDirectory, log);
  const { dataDirectory, account, isRelocated } = place;
  const binaries = prepareBinaries({ copyParent: place.baseDirectory, account, log });
  const password = superuserPassword(stateDirectory, { mayCreate: clusterMajorVersion(dataDirectory) === undefined });
  const { rememberedPort } = lock;
  const plan: StartPlan = {
    place,
    binaries,
    user: wanted.user ?? DEFAULT_USER,
    password,
    port: wanted.port,
    rememberedPort,
    log,
  };
  const { server, origin, url } = await takeCharge(plan, lock);
  const { port } = server;
  const supervision = supervise({ server, log, restart: () => startWithRetries({ ...plan, port }) });
  const durationMs = Math.round(performance.now() - startedAt);
  log.info(
    { origin, port, data_directory: dataDirectory, runs_as: account?.name, duration_ms: durationMs },
    'Embedded PostgreSQL is ready',
  );
  const stopOnce = async (): Promise<void> => {
    const { pid } = await supervision.stop();
    await stopServer(pid, dataDirectory, binaries.pgCtl);
    lock.publish('released', port);
  };
  let stopping: Promise<void> | undefined;
  return {
    url,
    owner: true,
    facts: { origin, port, dataDirectory, isRelocated, runsAs: account?.name, durationMs },
    stop: () => {
      stopping ??= stopOnce();
      return stopping;
    },
  };
}

/** Tries once to use the owner's server; throws why that is not possible (yet). */
async function attach(
  { log, stateDirectory, startedAt, user }: Opening,
  record: OwnerRecord,
): Promise<EmbeddedPostgres> {
  const { port } = record;
  if (record.state !== 'ready' || port === undefined) throw new Error(`Process ${record.pid} is still starting it`);
  const password = superuserPassword(stateDirectory, { mayCreate: false });
  const url = connectionUrl({ user: user ?? DEFAULT_USER, password, port });
  await verifyServer(url, undefined);
  const durationMs = Math.round(performance.now() - startedAt);
  log.info(
    { origin: 'attached', port, owner_pid: record.pid, duration_ms: durationMs },
    'Using the embedded PostgreSQL of another process',
  );
  return {
    url,
    owner: false,
    facts: { origin: 'attached', port, dataDirectory: undefined, isRelocated: false, runsAs: undefined, durationMs },
    stop: async () => {},
  };
}

/** Gives the ownership back without hiding why: on a full disk even that may fail, and then this process's end gives it back. */
function release(lock: OwnerLock, log: EmbeddedOptions['log']): void {
  try {
    lock.publish('released');
  } catch (error) {
    log.warn({ err: error }, 'The ownership of the embedded database could not be given back');
  }
}

async function open(opening: Opening): Promise<EmbeddedPostgres> {
  for (;;) {
    const ownership = takeOwnership(opening.stateDirectory);
    if (ownership.owned) {
      try {
        return await own(opening, ownership.lock);
      } catch (error) {
        release(ownership.lock, opening.log);
        throw error;
      }
    }
    try {
      return await attach(opening, ownership.record);
    } catch (cause) {
      if (cause instanceof EmbeddedPostgresError) throw cause;
      if (performance.now() - opening.startedAt > ATTACH_LIMIT_MS) {
        const message = `Process ${ownership.record.pid} owns the embedded database, which cannot be used: end that process and start again`;
        throw new EmbeddedPostgresError(message, { reason: 'start_failed', cause });
      }
      await delay(POLL_MS);
    }
  }
}

/**
 * Opens the home's database: starts it, or adopts the one a dead owner left running, or attaches to its living owner's. Any
 * number of processes may call it at the same moment on one home; one of them starts the server. Settings are PostgreSQL's
 * durable defaults. Measured on 2 cores: 1.5 s for the first start of a home, 0.1 s for the next, 15 ms to attach.
 *
 * Only for processes of one machine; roles on several need a server of their own.
 *
 * @throws {EmbeddedPostgresError} with a remedy in its message; nothing is left running or locked.
 */
export async function openEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const startedAt = performance.now();
  const stateDirectory = join(resolve(options.home), 'postgres');
  try {
    mkdirSync(stateDirectory, { recursive: true });
    return await open({ ...options, stateDirectory, startedAt });
  } catch (error) {
    if (error instanceof EmbeddedPostgresError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw failureFromOutput('The embedded database could not be opened', (error as Error).message, error);
  }
}
