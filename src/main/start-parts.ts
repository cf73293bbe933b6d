/** Makes every part, connects them and starts them in order, once the database is there. */
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createWebhookDeliverer } from '../worker/deliver-webhooks.ts';
import { createWorker } from '../worker/worker.ts';
import type { OpenDatabase } from './open-database.ts';
import { openParts } from './open-parts.ts';
import { publicBaseUrl } from './public-base-url.ts';
import type { RunningServer, StartOptions } from './running-server.ts';
import { serve } from './serve.ts';
import { startTasks, type Tasks } from './start-tasks.ts';
import { stopServer } from './stop-server.ts';

/** How long a start waits for the listening connection, in milliseconds. */
const LISTEN_PATIENCE_MS = 3_000;

/** What a start begins with. */
export interface Beginning {
  readonly config: Config;
  readonly log: Log;
  readonly options: StartOptions;
  readonly database: OpenDatabase;
  /** Gets a step in front for each thing that has to be ended, also when a later one fails. */
  readonly undo: (() => Promise<void>)[];
}

/** Starts everything on an open database. What was started when something fails is in `undo`. */
export async function startParts({ config, log, options, database, undo }: Beginning): Promise<RunningServer> {
  const state = { isDraining: false, baseUrl: publicBaseUrl(config, undefined) };
  const { access, ...parts } = await openParts({ config, log, database, publicBaseUrl: () => state.baseUrl, undo });
  const { deps, metricsAddress } = parts;
  const worker = config.values.ROLE === 'api' ? undefined : createWorker(deps);
  const refreshSettings = async () => {
    await parts.providerKeys.refresh();
    await parts.standing.refresh();
  };
  const { secretBox, webhookPost } = parts;
  const delivering = { db: deps.db, log, secretBox, ...webhookPost, publicBaseUrl: () => state.baseUrl };
  const webhookDeliverer = createWebhookDeliverer(delivering);
  const tasks = startTasks({ ...parts, config, databaseUrl: database.url, worker, webhookDeliverer, refreshSettings });
  undo.unshift(
    () => tasks.stop(),
    () => webhookDeliverer.stop(),
  );
  const handlerParts = {
    ...parts,
    config,
    worker,
    tokenKeys: access.tokenKeys,
    passwordCheck: access.passwordCheck,
    isDraining: () => state.isDraining,
    publicBaseUrl: () => state.baseUrl,
  };
  const http = config.values.ROLE === 'worker' ? undefined : await serve(handlerParts, options.strictResponses);
  state.baseUrl = publicBaseUrl(config, http?.address);
  undo.unshift(async () => http?.destroy());
  worker?.start();
  // only now is it known where links begin
  webhookDeliverer.start();
  await heardOf(tasks, log);
  const stop = () => stopServer({ config, log, state, held: deps.held, http, worker, undo });
  return { config, log, address: http?.address, metricsAddress, publicBaseUrl: state.baseUrl, ...access, stop };
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
