import type { Log } from '../../log.ts';
import { isAlive } from './process-identity.ts';
import type { RunningServer } from './server.ts';

/** How soon a dead postmaster is noticed. One signal-0 call and one read of `/proc` each time. */
const WATCH_EVERY_MS = 500;

/** The watch over a running postmaster. */
export interface Supervision {
  /** Ends the watch; resolves after a restart under way has come to its end. */
  stop(): Promise<void>;
}

/**
 * Starts the postmaster again when it dies without being told to (the system's out-of-memory killer ends it first of all on
 * a small machine). PostgreSQL itself restarts only its other processes. A failed restart is logged and tried again.
 *
 * `restart` must bring the server up on the same port, since the URL was given out. The watch keeps no process alive.
 */
export function supervise(options: {
  server: RunningServer;
  restart: () => Promise<RunningServer>;
  log: Pick<Log, 'warn' | 'error'>;
}): Supervision {
  const { restart, log } = options;
  let server = options.server;
  let restarting: Promise<void> | undefined;
  const restartOnce = async (): Promise<void> => {
    log.error({ postmaster_pid: server.pid }, 'PostgreSQL died; starting it again');
    try {
      server = await restart();
      log.warn({ postmaster_pid: server.pid, port: server.port }, 'PostgreSQL runs again');
    } catch (error) {
      log.error({ err: error }, 'PostgreSQL could not be started again; still trying');
    } finally {
      restarting = undefined;
    }
  };
  const timer = setInterval(() => {
    if (restarting === undefined && !isAlive(server.pid)) restarting = restartOnce();
  }, WATCH_EVERY_MS).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await restarting;
    },
  };
}
