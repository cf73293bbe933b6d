/**
 * A PostgreSQL server of our own for machines without one: real PostgreSQL 18, on 127.0.0.1 only, in `<home>/postgres`.
 *
 * One process owns it: the one that started it, or that found it running after its owner died (adoption). The owner restarts
 * it when it dies. Every other process of the same home attaches, and one of them takes over when the owner ends or is killed:
 * the last one stops it. Without anybody attached, a killed owner leaves the server running, for the next start to adopt.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../log.ts';
import { attachServer } from './attach-server.ts';
import type { BringUpOrigin } from './bring-up.ts';
import { EmbeddedPostgresError, failureFromOutput } from './embedded-error.ts';
import { endOrphan } from './leave-server.ts';
import { type EmbeddedHome, ownServer } from './own-server.ts';
import { type OwnerLock, type OwnerRecord, takeOwnership } from './owner-lock.ts';

const ATTACH_LIMIT_MS = 60_000;
const POLL_MS = 20;
const DEFAULT_USER = 'photochanger';

/** `attached`: another process of this home owns the server. */
export type EmbeddedOrigin = BringUpOrigin | 'attached';

/** How it was opened, for the log and for diagnosis; no secret among them, and not changed by a takeover. */
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
  /** Whether this process owns the server now. One that attached becomes the owner when the owner is gone; never the other way. */
  readonly owner: boolean;
  readonly facts: EmbeddedFacts;
  /**
   * Owner: leaves the server to a process that is attached, else shuts it down (fast) and returns when it is gone. Others: nothing
   * but their own leave, after a takeover under way. May be called twice. Nothing of this process is left, nor taken over by it, afterwards.
   */
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
interface Opening {
  readonly home: EmbeddedHome;
  readonly port: number | undefined;
  readonly startedAt: number;
}

/** One call that many callers share. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}

async function own({ home, port: wanted, startedAt }: Opening, lock: OwnerLock): Promise<EmbeddedPostgres> {
  const { origin, port, url, place, stop } = await ownServer({ home, lock, port: wanted, mayCreate: true });
  const { dataDirectory, isRelocated, account } = place;
  const durationMs = Math.round(performance.now() - startedAt);
  home.log.info(
    { origin, port, data_directory: dataDirectory, runs_as: account?.name, duration_ms: durationMs },
    'Embedded PostgreSQL is ready',
  );
  const facts = { origin, port, dataDirectory, isRelocated, runsAs: account?.name, durationMs };
  return { url, owner: true, facts, stop: once(stop) };
}

/** Tries once to use the owner's server; throws why that is not possible (yet). */
async function attach({ home, startedAt }: Opening, record: OwnerRecord): Promise<EmbeddedPostgres> {
  const { port, url, isOwner, stop } = await attachServer(home, record);
  const durationMs = Math.round(performance.now() - startedAt);
  home.log.info(
    { origin: 'attached', port, owner_pid: record.pid, duration_ms: durationMs },
    'Using the embedded PostgreSQL of another process',
  );
  return {
    url,
    get owner() {
      return isOwner();
    },
    facts: { origin: 'attached', port, dataDirectory: undefined, isRelocated: false, runsAs: undefined, durationMs },
    stop: once(stop),
  };
}

async function open(opening: Opening): Promise<EmbeddedPostgres> {
  const { home, startedAt } = opening;
  for (;;) {
    const ownership = takeOwnership(home.stateDirectory);
    if (ownership.owned) return own(opening, ownership.lock);
    try {
      return await attach(opening, ownership.record);
    } catch (cause) {
      const isLate = performance.now() - startedAt > ATTACH_LIMIT_MS;
      const isFinal = cause instanceof EmbeddedPostgresError;
      if (isFinal || isLate) await endOrphan(home);
      if (isFinal) throw cause;
      if (isLate) {
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
    const home = { stateDirectory, user: options.user ?? DEFAULT_USER, log: options.log };
    return await open({ home, port: options.port, startedAt });
  } catch (error) {
    if (error instanceof EmbeddedPostgresError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw failureFromOutput('The embedded database could not be opened', (error as Error).message, error);
  }
}
