import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../log.ts';
import type { PostgresBinaries } from './binaries.ts';
import { clusterMajorVersion, createCluster } from './cluster.ts';
import { EmbeddedPostgresError, EXTERNAL_DATABASE_HINT } from './embedded-error.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import type { Place } from './place.ts';
import { findServer, type RunningServer, startServer } from './server.ts';

const RETRY_START_MS = 10_000;
const RETRY_PAUSE_MS = 200;
const POLL_MS = 20;

/** What a start needs to know. Only the owner of the home starts anything. */
export interface StartPlan {
  readonly place: Place;
  readonly binaries: PostgresBinaries;
  readonly user: string;
  readonly password: string;
  /** The only port to use; `undefined`: the remembered one if it is free, else a random one. */
  readonly port: number | undefined;
  readonly rememberedPort: number | undefined;
  /** Whether to make a cluster where there is none. */
  readonly mayCreate: boolean;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** How the server came to run: made and started, started, or found running. */
export type BringUpOrigin = 'initialised' | 'started' | 'adopted';

async function choosePort({ port, rememberedPort }: StartPlan): Promise<number> {
  if (port !== undefined) return port;
  return rememberedPort !== undefined && (await isPortFree(rememberedPort)) ? rememberedPort : await findFreePort();
}

/**
 * Starts the server, trying for 10 s: a killed postmaster's last processes hold its shared memory for about 2 s, and a port
 * that was free may be taken meanwhile.
 *
 * @throws {EmbeddedPostgresError} of the last try, or at once where another try cannot help.
 */
export async function startWithRetries(plan: StartPlan): Promise<RunningServer> {
  const { dataDirectory, account, stateDirectory } = plan.place;
  const limitAt = performance.now() + RETRY_START_MS;
  for (;;) {
    const port = await choosePort(plan);
    try {
      return await startServer({
        binaries: plan.binaries,
        dataDirectory,
        port,
        account,
        logFile: join(stateDirectory, 'server.log'),
      });
    } catch (error) {
      const { reason } = error as EmbeddedPostgresError;
      const mayHelp = reason === 'server_still_exiting' || reason === 'port_in_use' || reason === 'start_failed';
      if (!mayHelp || performance.now() > limitAt) throw error;
      plan.log.warn({ err: error, port }, 'PostgreSQL did not start; trying again');
      await delay(RETRY_PAUSE_MS);
    }
  }
}

/** The running server without an owner, once it is ready; `undefined` when there is none or it has just ended. */
async function findAdoptable(dataDirectory: string): Promise<RunningServer | undefined> {
  const limitAt = performance.now() + RETRY_START_MS;
  for (;;) {
    const server = findServer(dataDirectory);
    if (server === undefined || server.status === 'ready') return server;
    if (performance.now() > limitAt) {
      const message = `PostgreSQL (process ${server.pid}) has been ${server.status} for ${RETRY_START_MS / 1000} s: end it and start again`;
      throw new EmbeddedPostgresError(message, { reason: 'start_failed' });
    }
    await delay(POLL_MS);
  }
}

function assertVersion(found: number, expected: number, dataDirectory: string): void {
  if (found === expected) return;
  throw new EmbeddedPostgresError(
    `${dataDirectory} was made by PostgreSQL ${found}, but this build brings ${expected}: ` +
      `dump it with version ${found} and move the directory away, or ${EXTERNAL_DATABASE_HINT}`,
    { reason: 'other_major_version' },
  );
}

async function assertPortFree(port: number | undefined): Promise<void> {
  if (port === undefined || (await isPortFree(port))) return;
  const message = `Port ${port} is used by another program: choose another port, or leave it unset, or ${EXTERNAL_DATABASE_HINT}`;
  throw new EmbeddedPostgresError(message, { reason: 'port_in_use' });
}

/**
 * Makes the server of the place run: adopts the one that runs, else starts it, after making its cluster where there is none and
 * one may be made.
 *
 * @throws {EmbeddedPostgresError} with nothing started by it left running.
 */
export async function bringUp(plan: StartPlan): Promise<{ server: RunningServer; origin: BringUpOrigin }> {
  const { dataDirectory, account } = plan.place;
  const found = await findAdoptable(dataDirectory);
  if (found !== undefined) {
    if (plan.port !== undefined && plan.port !== found.port) {
      plan.log.warn(
        { port: found.port, wanted_port: plan.port },
        'The running database keeps its port until it is next started',
      );
    }
    return { server: found, origin: 'adopted' };
  }
  await assertPortFree(plan.port);
  const version = clusterMajorVersion(dataDirectory);
  if (version === undefined) {
    if (!plan.mayCreate) {
      const message = `There is no database in ${dataDirectory} any more: restore it and start again`;
      throw new EmbeddedPostgresError(message, { reason: 'start_failed' });
    }
    const { binaries, user, password } = plan;
    await createCluster({ binaries, dataDirectory, user, password, account, isDurable: true });
    return { server: await startWithRetries(plan), origin: 'initialised' };
  }
  assertVersion(version, plan.binaries.majorVersion, dataDirectory);
  return { server: await startWithRetries(plan), origin: 'started' };
}
