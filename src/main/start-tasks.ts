import type { Config } from '../config.ts';
import { type Listener, listen } from '../db/notifications.ts';
import { JOB_ROW_DAYS, WINDOW_SECONDS } from '../domain/deadlines.ts';
import { cleanUp } from '../worker/clean-up.ts';
import { createFinishedLook } from '../worker/look-for-finished.ts';
import { sweep } from '../worker/sweep.ts';
import { startTicker } from '../worker/ticker.ts';
import type { Worker } from '../worker/worker.ts';
import type { WorkerDeps } from '../worker/worker-deps.ts';

const POLL_MS = 1_000;
const POLL_JITTER = 0.2;
const CLEAN_UP_MS = 30_000;
/** Comparing every file with its row reads the whole media folder: each fourth clean-up does it. */
const ORPHAN_TURNS = 4;

/** Everything that repeats, running. */
export interface Tasks {
  readonly listener: Listener;
  stop(): Promise<void>;
}

/** What the tasks work with. */
export interface TaskParts {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly deps: WorkerDeps;
  readonly worker: Worker | undefined;
}

/** Starts everything that repeats: listening, polls, heartbeat, sweep, clean-up. All of it is safe to run in every process. */
export function startTasks({ config, databaseUrl, deps, worker }: TaskParts): Tasks {
  const { log } = deps;
  const ending = new AbortController();
  const lookForFinished = createFinishedLook(deps);
  const listener = listen({
    connectionString: databaseUrl,
    channels: ['job_new', 'job_done'],
    log: deps.log,
    onGap: () => {
      // what was missed is not known, so every waiter reads its row
      for (const jobId of deps.held.jobIds()) deps.held.wake(jobId, { kind: 'look' });
      void worker?.pokeAll().catch(() => undefined);
    },
    onNotification: (channel, payload) => {
      if (channel === 'job_new') worker?.poke(payload);
      else if (worker?.onJobDone(payload) !== 'runs here') deps.held.wake(payload, { kind: 'look' });
    },
  });
  const every = (name: string, intervalMs: number, task: () => Promise<void>) =>
    startTicker(task, { name, intervalMs, jitter: POLL_JITTER, log });
  const tickers = [
    every('sweep', POLL_MS, async () => {
      // after a standstill of the machine the own leases come first: an expired one can still be renewed
      if (worker?.needsBeat()) await worker.heartbeat();
      await sweep(deps, config.leaseMs);
    }),
    every('look for finished jobs', POLL_MS, lookForFinished),
    every('clean-up', CLEAN_UP_MS, cleanUpTask(config, deps, ending.signal)),
    ...(worker === undefined
      ? []
      : [
          every('claim poll', POLL_MS, () => worker.pokeAll()),
          every('heartbeat', config.leaseMs / 3, () => worker.heartbeat()),
        ]),
  ];
  return {
    listener,
    async stop() {
      ending.abort();
      await Promise.all(tickers.map((ticker) => ticker.stop()));
      await listener.stop();
    },
  };
}

function cleanUpTask(config: Config, deps: WorkerDeps, signal: AbortSignal): () => Promise<void> {
  const windowMsMax = Math.max(config.windowMs, WINDOW_SECONDS.max * 1000);
  const sightings = new Map<string, number>();
  let turn = 0;
  return async () => {
    await cleanUp(deps, {
      windowMsMax,
      jobRowDays: JOB_ROW_DAYS.default,
      withOrphans: turn++ % ORPHAN_TURNS === 0,
      sightings,
      signal,
      isDryRun: false,
    });
  };
}
