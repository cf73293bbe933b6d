/** The composition root: makes every part, connects them, starts and stops them in order. */
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import type { ContractValidators } from '../contract/contract.ts';
import type { Log } from '../log.ts';
import { createWorker } from '../worker/worker.ts';
import type { OpenedAccess } from './open-access.ts';
import { openParts } from './open-parts.ts';
import { publicBaseUrl } from './public-base-url.ts';
import { startTasks, type Tasks } from './start-tasks.ts';
import { runAll, stopServer } from './stop-server.ts';

/** How long a start waits for the listening connection, in milliseconds. */
const LISTEN_PATIENCE_MS = 3_000;

/** What a test may ask of a server beyond its configuration. */
export interface StartOptions {
  /** Checks every answer against these validators and reports what does not fit; for tests and development. */
  readonly strictResponses?: ContractValidators['responseValidators'];
}

/** A started server. */
export interface RunningServer extends Omit<OpenedAccess, 'passwordCheck'> {
  readonly config: Config;
  readonly log: Log;
  /** Undefined in a process that serves no requests. */
  readonly address: AddressInfo | undefined;
  /** Where metrics are served alone; undefined where they are not. */
  readonly metricsAddress: AddressInfo | undefined;
  readonly publicBaseUrl: string;
  /** Finishes what is held and running within the grace period, gives the rest back, and ends. */
  stop(): Promise<void>;
}

/** Starts a server. Whatever fails, nothing of it is left running. */
export async function startServer(config: Config, log: Log, options: StartOptions = {}): Promise<RunningServer> {
  mkdirSync(config.homePath, { recursive: true });
  const undo: (() => Promise<void>)[] = [];
  try {
    const state = { isDraining: false, baseUrl: publicBaseUrl(config, undefined) };
    const opening = openParts(config, log, () => state.baseUrl, undo);
    const serving = config.values.ROLE === 'worker' ? undefined : loadServing();
    const { access, ...parts } = await opening;
    const { deps, databaseUrl, metricsAddress } = parts;
    const worker = config.values.ROLE === 'api' ? undefined : createWorker(deps);
    const tasks = startTasks({ ...parts, config, databaseUrl, worker, refreshSettings: parts.providerKeys.refresh });
    undo.unshift(() => tasks.stop());
    const handlerParts = {
      ...parts,
      config,
      worker,
      tokenKeys: access.tokenKeys,
      passwordCheck: access.passwordCheck,
      isDraining: () => state.isDraining,
      publicBaseUrl: () => state.baseUrl,
    };
    const http = await (await serving)?.serve(handlerParts, options.strictResponses);
    state.baseUrl = publicBaseUrl(config, http?.address);
    undo.unshift(async () => http?.destroy());
    worker?.start();
    await heardOf(tasks, log);
    const stop = () => stopServer({ config, log, state, held: deps.held, http, worker, undo });
    return { config, log, address: http?.address, metricsAddress, publicBaseUrl: state.baseUrl, ...access, stop };
  } catch (error) {
    // what failed first is what people must hear of
    await runAll(undo).catch((fault: unknown) => log.warn({ err: fault }, 'not everything could be undone'));
    throw error;
  }
}

/**
 * What only requests need is loaded while the database starts in its own processes. A fault of the loading is heard of where the
 * modules are needed, also when the start fails before that.
 */
function loadServing(): Promise<typeof import('./serve.ts')> {
  const serving = import('./serve.ts');
  serving.catch(() => undefined);
  return serving;
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
