import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresBinaries } from './binaries.ts';
import { PROGRAM_ENVIRONMENT } from './cluster.ts';
import { EmbeddedPostgresError, failureFromOutput } from './embedded-error.ts';
import type { Account } from './place.ts';
import { commandLine, isAlive } from './process-identity.ts';

const POLL_MS = 10;
const START_LIMIT_MS = 30_000;
const FAST_STOP_LIMIT_MS = 20_000;
const QUIT_LIMIT_MS = 5_000;
const LOG_SIZE_BYTES_MAX = 10 * 1024 * 1024;

/** What every embedded server runs with; durable, small, and silent about the values of statements. */
const SERVER_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
};

/** A postmaster on this machine. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping` or `standby`, as the postmaster itself writes it. */
  readonly status: string;
}

/** What `postmaster.pid` says: pid, data directory, start, port, socket directory, address, shared memory, status. */
function readPostmasterFile(dataDirectory: string): RunningServer | undefined {
  try {
    const lines = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Math.abs(Number(lines[0])), port: Number(lines[3] ?? 0), status: lines[7]?.trim() || 'starting' };
  } catch {
    return undefined;
  }
}

/** `undefined`: the command line cannot be read, so nothing is known. */
function isPostmasterOf(dataDirectory: string, pid: number): boolean | undefined {
  const words = commandLine(pid);
  if (words === undefined) return undefined;
  const given = words[words.indexOf('-D') + 1];
  if (!words[0]?.includes('postgres') || given === undefined || !existsSync(given)) return false;
  return realpathSync(given) === realpathSync(dataDirectory);
}

/**
 * The postmaster that runs on a data directory, judged by `postmaster.pid`, the process table and that process's command
 * line. A pid file left by a crash whose pid now belongs to another program is removed: PostgreSQL itself refuses to start
 * over it when both run as one user, as they do in a restarted container. Only the owner of the home may call this.
 */
export function findServer(dataDirectory: string): RunningServer | undefined {
  const server = readPostmasterFile(dataDirectory);
  if (server === undefined || !isAlive(server.pid)) return undefined;
  if (isPostmasterOf(dataDirectory, server.pid) !== false) return server;
  rmSync(join(dataDirectory, 'postmaster.pid'), { force: true });
  return undefined;
}

function openLog(path: string): { descriptor: number; startsAt: number } {
  if (existsSync(path) && statSync(path).size > LOG_SIZE_BYTES_MAX) renameSync(path, `${path}.1`);
  const descriptor = openSync(path, 'a', 0o600);
  return { descriptor, startsAt: statSync(path).size };
}

async function waitUntilReady(
  child: ChildProcess,
  dataDirectory: string,
  isOver: () => string | undefined,
): Promise<RunningServer> {
  const limitAt = performance.now() + START_LIMIT_MS;
  while (performance.now() < limitAt) {
    const ended = isOver();
    if (ended !== undefined) throw new Error(ended);
    const server = readPostmasterFile(dataDirectory);
    if (server?.pid === child.pid && server?.status === 'ready') return server;
    await delay(POLL_MS);
  }
  child.kill('SIGQUIT');
  throw new Error(`it was not ready after ${START_LIMIT_MS / 1000} s`);
}

/**
 * Starts a postmaster and waits until it takes connections. It runs detached, in a session of its own: Ctrl-C, which reaches
 * a terminal's whole process group, does not stop it while the server is still draining, and it outlives this process.
 *
 * @throws {EmbeddedPostgresError} after one try; nothing is left running then.
 */
export async function startServer(options: {
  binaries: PostgresBinaries;
  dataDirectory: string;
  port: number;
  account: Account | undefined;
  logFile: string;
  /** Added to {@link SERVER_SETTINGS}, or in place of some of them. */
  settings?: Readonly<Record<string, string>>;
}): Promise<RunningServer> {
  const settings = { ...SERVER_SETTINGS, ...options.settings };
  const parameters = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { descriptor, startsAt } = openLog(options.logFile);
  let ended: string | undefined;
  try {
    const child = spawn(
      options.binaries.postgres,
      ['-D', options.dataDirectory, '-p', String(options.port), ...parameters],
      {
        detached: true,
        stdio: ['ignore', descriptor, descriptor],
        cwd: '/',
        env: PROGRAM_ENVIRONMENT,
        windowsHide: true,
        ...options.account?.credentials,
      },
    );
    child.once('error', (error) => {
      ended = error.message;
    });
    child.once('exit', (code, signal) => {
      ended = `it ended with ${signal ?? code}`;
    });
    child.unref();
    return await waitUntilReady(child, options.dataDirectory, () => ended);
  } catch (error) {
    const printed = readFileSync(options.logFile).subarray(startsAt).toString('utf8');
    throw failureFromOutput(
      `PostgreSQL did not start on port ${options.port}: ${(error as Error).message}`,
      printed,
      error,
    );
  } finally {
    closeSync(descriptor);
  }
}

async function isGoneWithin(pid: number, limitMs: number): Promise<boolean> {
  const limitAt = performance.now() + limitMs;
  while (isAlive(pid)) {
    if (performance.now() > limitAt) return false;
    await delay(POLL_MS);
  }
  return true;
}

function signalPostmaster(pid: number, signal: 'INT' | 'QUIT', pgCtl: string): void {
  try {
    if (process.platform === 'win32')
      execFileSync(pgCtl, ['kill', signal, String(pid)], { stdio: 'ignore', windowsHide: true });
    else process.kill(pid, `SIG${signal}`);
  } catch (error) {
    if (isAlive(pid)) throw error;
  }
}

/**
 * Stops the postmaster of a data directory: a fast shutdown (SIGINT: open transactions are rolled back, then a checkpoint),
 * after 20 s an immediate one. Returns when the process is gone; does nothing when it already is or is not this server.
 */
export async function stopServer(pid: number, dataDirectory: string, pgCtl: string): Promise<void> {
  if (!isAlive(pid) || isPostmasterOf(dataDirectory, pid) === false) return;
  signalPostmaster(pid, 'INT', pgCtl);
  if (await isGoneWithin(pid, FAST_STOP_LIMIT_MS)) return;
  signalPostmaster(pid, 'QUIT', pgCtl);
  if (await isGoneWithin(pid, QUIT_LIMIT_MS)) return;
  throw new EmbeddedPostgresError(`PostgreSQL (process ${pid}) does not stop`, { reason: 'start_failed' });
}
