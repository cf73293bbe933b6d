import type { Config } from '../config.ts';
import { type Listener, listen } from '../db/notifications.ts';
import { JOB_ROW_DAYS, WINDOW_SECONDS } from '../domain/deadlines.ts';
import { keepUpAccess } from '../services/access/keep-up-access.ts';
import type { StationInspector } from '../services/slot/station-inspector.ts';
import { cleanUp } from '../worker/clean-up.ts';
import type { WebhookDeliverer } from '../worker/deliver-webhooks.ts';
import { createFinishedLook } from '../worker/look-for-finished.ts';
import { createPurgeRunner, type PurgeLimits, type PurgeRunner } from '../worker/purge.ts';
import { rollUp } from '../worker/roll-up.ts';
import { sweep } from '../worker/sweep.ts';
import { startTicker } from '../worker/ticker.ts';
import { createBudgetWatch } from '../worker/watch-budgets.ts';
import type { Worker } from '../worker/worker.ts';
import type { WorkerDeps } from '../worker/worker-deps.ts';

const POLL_MS = 1_000;
const POLL_JITTER = 0.2;
const CLEAN_UP_MS = 30_000;
const ACCESS_UPKEEP_MS = 60_000;
const BUDGETS_MS = 10_000;
/** Hours are counted a quarter of an hour after their end; until then, and for so long after, they are read from the rows. */
const ROLL_UP_MS = 300_000;
/** Settings are heard of at once; this is for notifications that were lost. */
const SETTINGS_MS = 5_000;
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
  readonly webhookDeliverer: WebhookDeliverer;
  /** Brings up to date what this process keeps of the settings. */
  readonly refreshSettings: () => Promise<void>;
  readonly stationInspector: StationInspector;
}

/** Starts everything that repeats: listening, polls, heartbeat, sweep, clean-up. All of it is safe to run in every process. */
export function startTasks({ config, databaseUrl, deps, worker, refreshSettings, ...parts }: TaskParts): Tasks {
  const { log } = deps;
  const { stationInspector, webhookDeliverer } = parts;
  const hearOfSettings = () =>
    void refreshSettings().catch((error) =>
      log.warn({ err: error }, 'settings could not be read; the next turn tries again'),
    );
  const ending = new AbortController();
  const limits = cleanUpLimits(config, ending.signal);
  const purges = createPurgeRunner(deps, limits);
  const lookForFinished = createFinishedLook(deps);
  const listener = listen({
    connectionString: databaseUrl,
    channels: ['job_new', 'job_done', 'settings_changed', 'media_purge', 'webhook_due'],
    log: deps.log,
    onGap: () => {
      purges.poke();
      webhookDeliverer.poke();
      hearOfSettings();
      // what was missed is not known, so every waiter reads its row
      for (const jobId of deps.held.jobIds()) deps.held.wake(jobId, { kind: 'look' });
      void worker?.pokeAll().catch(() => undefined);
    },
    onNotification: (channel, payload) => {
      if (channel === 'settings_changed') hearOfSettings();
      else if (channel === 'media_purge') purges.poke();
      else if (channel === 'webhook_due') webhookDeliverer.poke();
      else if (channel === 'job_new') worker?.poke(payload);
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
    every('look for changed settings', SETTINGS_MS, refreshSettings),
    every('keep station requests', POLL_MS, stationInspector.flush),
    every('watch budgets', BUDGETS_MS, createBudgetWatch(deps)),
    every('access upkeep', ACCESS_UPKEEP_MS, () => keepUpAccess(deps.db)),
    every('clean-up', CLEAN_UP_MS, cleanUpTask(deps, limits, purges)),
    startTicker(() => rollUp(deps, ending.signal), {
      name: 'roll-up',
      intervalMs: ROLL_UP_MS,
      jitter: POLL_JITTER,
      beginsAtOnce: true,
      log,
    }),
    every('purge', POLL_MS, purges.turn),
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
      await stationInspector
        .flush()
        .catch((error) => log.warn({ err: error }, 'the last station requests are not kept'));
    },
  };
}

const cleanUpLimits = (config: Config, signal: AbortSignal): PurgeLimits => ({
  windowMsMax: Math.max(config.windowMs, WINDOW_SECONDS.max * 1000),
  jobRowDays: JOB_ROW_DAYS.default,
  signal,
});

function cleanUpTask(deps: WorkerDeps, limits: PurgeLimits, purges: PurgeRunner): () => Promise<void> {
  const sightings = new Map<string, number>();
  let turn = 0;
  return async () => {
    // what a process left that died, or a lost notification, waits no longer than this
    purges.poke();
    await cleanUp(deps, { ...limits, withOrphans: turn++ % ORPHAN_TURNS === 0, sightings, isDryRun: false });
  };
}
