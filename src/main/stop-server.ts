/** Ending in order: what is held is answered, what runs is finished or given back, what was opened is closed. */
import type { Config } from '../config.ts';
import type { HttpServer } from '../http/server.ts';
import type { Log } from '../log.ts';
import type { HeldRequests } from '../services/job/held-requests.ts';
import type { Worker } from '../worker/worker.ts';

/** What is ended. */
export interface StopParts {
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

/** Stops a server within its grace period. */
export async function stopServer(parts: StopParts): Promise<void> {
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
export async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
