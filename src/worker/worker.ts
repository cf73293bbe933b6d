/**
 * The worker of one process. It claims jobs for its free places, lane by lane, runs them, renews their leases, and gives back
 * what it did not finish when the process ends.
 *
 * Waking is a hint: a notification, a finished job or the poll makes it look; what it finds in the database is the truth. Each
 * look asks for no more than there is room for, so two looks at once do no harm.
 */

import { type ClaimedJob, claimJobs, lanesWithWork, releaseJobs, renewLeases } from '../repositories/job-queue.ts';
import type { LocalWorker, WorkerPlace } from '../services/job/local-worker.ts';
import { createStageClock } from '../services/job/stage-clock.ts';
import { createLatch } from './latch.ts';
import { runJob } from './run-job.ts';
import type { RunningJob } from './running-job.ts';
import { StopReason } from './stop-reason.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** Jobs taken by one claim; more would hold the lane's lock longer than a claim is worth. */
const CLAIM_BATCH = 8;

/** The latch needs a limit; the poll pokes it long before. */
const IDLE_WAIT_MS = 60_000;

/** The worker, as the process drives it. */
export interface Worker extends LocalWorker {
  /** Begins to claim. */
  start(): void;
  /** Looks at one provider's lane soon. */
  poke(providerId: string): void;
  /** Looks at every lane that has work; the fallback poll. */
  pokeAll(): Promise<void>;
  /**
   * Hears that some job became final: stops it if it runs here (and was ended elsewhere), and looks at lanes that were full.
   * A job that runs here wakes its own waiter.
   */
  onJobDone(jobId: string): 'runs here' | 'runs elsewhere';
  /** Renews all leases; a job that is no longer held is stopped at once. */
  heartbeat(): Promise<void>;
  running(): number;
  /** Takes only jobs whose requests this process holds from now on: the first half of a shutdown. */
  drain(): void;
  /** Takes nothing any more. */
  stopClaiming(): void;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
  /** Aborts every call and hands the jobs back to the queue. */
  giveBack(): Promise<void>;
}

interface Entry {
  readonly running: RunningJob;
  readonly control: AbortController;
  readonly finished: Promise<void>;
}

/** Creates the worker; it claims nothing before `start`. */
export function createWorker(deps: WorkerDeps): Worker {
  const { workerId, leaseMs, concurrency } = deps.options;
  const entries = new Map<string, Entry>();
  const latch = createLatch();
  const lanesToLook = new Set<string>();
  const fullLanes = new Set<string>();
  let reserved = 0;
  let mode: 'off' | 'all' | 'held' = 'off';

  const room = () => concurrency - entries.size - reserved;

  function poke(providerId: string): void {
    lanesToLook.add(providerId);
    latch.poke();
  }

  function run(job: ClaimedJob): void {
    const control = new AbortController();
    const claim = { jobId: job.id, claimNo: job.claimNo, workerId };
    const running: RunningJob = {
      job,
      claim,
      stop: control.signal,
      stages: createStageClock(),
      endsAt: performance.now() + job.leftMs,
    };
    const finished = work(deps, running).finally(() => {
      entries.delete(job.id);
      if (mode !== 'off') poke(job.providerId);
    });
    entries.set(job.id, { running, control, finished });
  }

  async function look(providerId: string): Promise<void> {
    const count = Math.min(room(), CLAIM_BATCH);
    if (count <= 0) {
      fullLanes.add(providerId);
      return;
    }
    reserved += count;
    try {
      const jobs = await claimJobs(deps.db, {
        providerId,
        workerId,
        count,
        leaseMs,
        ...(mode === 'held' && { only: deps.held.jobIds() }),
      });
      for (const job of jobs) run(job);
      if (jobs.length === count) poke(providerId);
      else fullLanes.add(providerId);
    } finally {
      reserved -= count;
    }
  }

  async function loop(): Promise<void> {
    while (mode !== 'off') {
      const [providerId] = lanesToLook;
      if (providerId === undefined) {
        await latch.wait(IDLE_WAIT_MS);
        continue;
      }
      lanesToLook.delete(providerId);
      await look(providerId).catch((error) =>
        deps.log.warn({ provider_id: providerId, err: error }, 'claim failed; the poll tries again'),
      );
    }
  }

  return {
    workerId,
    leaseMs,
    start() {
      mode = 'all';
      void loop();
    },
    poke,
    async pokeAll() {
      if (mode !== 'off' && room() > 0) for (const providerId of await lanesWithWork(deps.db)) poke(providerId);
    },
    reserve(): WorkerPlace | undefined {
      if (room() <= 0) return undefined;
      reserved += 1;
      const release = () => {
        reserved -= 1;
      };
      return {
        release,
        run: (job) => {
          release();
          run(job);
        },
      };
    },
    abort: (jobId) => entries.get(jobId)?.control.abort(new StopReason('lost')),
    onJobDone(jobId) {
      const entry = entries.get(jobId);
      entry?.control.abort(new StopReason('lost'));
      if (mode !== 'off' && room() > 0) {
        for (const providerId of fullLanes) lanesToLook.add(providerId);
        fullLanes.clear();
        latch.poke();
      }
      return entry === undefined ? 'runs elsewhere' : 'runs here';
    },
    async heartbeat() {
      const held = [...entries.values()];
      if (held.length === 0) return;
      const kept = await renewLeases(
        deps.db,
        workerId,
        held.map((entry) => entry.running.claim),
        leaseMs,
      );
      for (const entry of held) if (!kept.has(entry.running.job.id)) entry.control.abort(new StopReason('lost'));
    },
    running: () => entries.size,
    drain() {
      if (mode === 'all') mode = 'held';
    },
    stopClaiming() {
      mode = 'off';
      latch.poke();
    },
    async idle() {
      while (entries.size > 0) await Promise.all([...entries.values()].map((entry) => entry.finished));
    },
    async giveBack() {
      const ids = [...entries.keys()];
      for (const entry of entries.values()) entry.control.abort(new StopReason('shutdown'));
      await this.idle();
      if (ids.length > 0) await releaseJobs(deps.db, workerId, ids);
    },
  };
}

async function work(deps: WorkerDeps, running: RunningJob): Promise<void> {
  const { job } = running;
  const startedAt = performance.now();
  const facts = { job_id: job.id, slot_id: job.slotId, provider_id: job.providerId, claim_no: job.claimNo };
  try {
    const end = await runJob(deps, running);
    deps.log.info(
      {
        ...facts,
        outcome: end,
        duration_ms: Math.round(performance.now() - startedAt),
        stages_ms: running.stages.durationsMs(),
      },
      'job run ended',
    );
    if (end === 'succeeded' || end === 'failed') await removePayload(deps, running);
    if (end !== 'succeeded') deps.held.wake(job.id, { kind: 'look' });
  } catch (error) {
    if (running.stop.aborted) {
      deps.log.info({ ...facts, outcome: 'stopped', why: (running.stop.reason as Error).message }, 'job run stopped');
      deps.held.wake(job.id, { kind: 'look' });
    } else deps.log.error({ ...facts, err: error }, 'job run failed; its lease runs out and another worker takes it');
  }
}

// whoever holds the request removes the payload too; removing twice is harmless, never removing is not
async function removePayload(deps: WorkerDeps, { job }: RunningJob): Promise<void> {
  await deps.store
    .remove(job.payloadPath)
    .catch((error: unknown) => deps.log.warn({ job_id: job.id, err: error }, 'payload not removed'));
}
