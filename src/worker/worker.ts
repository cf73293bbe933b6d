/**
 * The worker of one process. It claims jobs for its free places, lane by lane, runs them, renews their leases, and gives back
 * what it did not finish when the process ends.
 *
 * Waking is a hint: a notification, a finished job or the poll makes it look; what it finds in the database is the truth. Each
 * look asks for no more than there is room for, so two looks at once do no harm.
 */

import { type ClaimedJob, claimJobs, releaseJobs, renewLeases } from '../repositories/job-queue.ts';
import { lanesWithWork } from '../repositories/lanes.ts';
import type { LocalWorker, WorkerPlace } from '../services/job/local-worker.ts';
import { createStageClock } from '../services/job/stage-clock.ts';
import { createLaneWatch, type DueLane } from './lane-watch.ts';
import type { RunningJob } from './running-job.ts';
import { StopReason } from './stop-reason.ts';
import { work } from './work.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** Jobs taken by one claim; more would hold the lane's lock longer than a claim is worth. */
const CLAIM_BATCH = 8;

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
  /** Whether the leases were not renewed for so long that a sweep could take this process's own jobs away. */
  needsBeat(): boolean;
  running(): number;
  /** Takes only jobs whose requests this process holds from now on: the first half of a shutdown. */
  drain(): void;
  /** Takes nothing any more; resolves when no claim is under way. */
  stopClaiming(): Promise<void>;
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
  const lanes = createLaneWatch();
  let reserved = 0;
  let isEnded = false;
  let looping: Promise<void> = Promise.resolve();
  let beatAt = performance.now();
  let mode: 'off' | 'all' | 'held' = 'off';

  const isClaiming = () => mode !== 'off';
  const room = () => concurrency - entries.size - reserved;

  function run(job: ClaimedJob, isHandedOver: boolean): void {
    if (job.claimNo === 1) deps.meter?.jobClaimed(job.providerId, job.waitedMs);
    const control = new AbortController();
    const claim = { jobId: job.id, claimNo: job.claimNo, workerId };
    const running: RunningJob = {
      job,
      claim,
      stop: control.signal,
      isHandedOver,
      stages: createStageClock(),
      endsAt: performance.now() + job.leftMs,
    };
    // after a standstill longer than the lease this very process may take its own job again: the older run must end
    entries.get(job.id)?.control.abort(new StopReason('lost'));
    const finished = work(deps, running).finally(() => {
      if (entries.get(job.id)?.running === running) entries.delete(job.id);
      lanes.pokeWaiting();
    });
    entries.set(job.id, { running, control, finished });
  }

  async function look({ providerId, isTold }: DueLane): Promise<void> {
    const count = Math.min(room(), CLAIM_BATCH);
    if (count <= 0) return lanes.leaveWaiting(providerId);
    reserved += count;
    try {
      const jobs = await claimJobs(deps.db, {
        providerId,
        workerId,
        count,
        leaseMs,
        ...(mode === 'held' && { only: deps.held.jobIds() }),
      });
      if (!isClaiming()) return void (await handBack(jobs));
      for (const job of jobs) run(job, false);
      if (jobs.length === count) lanes.poke(providerId);
      // an empty look that nothing spoke for ends the asking; the poll speaks again if work is left
      else if (isTold || jobs.length > 0) lanes.leaveWaiting(providerId);
    } finally {
      reserved -= count;
    }
  }

  /** A claim that was answered after the shutdown began. */
  async function handBack(jobs: readonly ClaimedJob[]): Promise<void> {
    const claims = jobs.map((job) => ({ jobId: job.id, claimNo: job.claimNo, workerId }));
    if (claims.length > 0) await releaseJobs(deps.db, workerId, claims, { isUntouched: true });
  }

  async function loop(): Promise<void> {
    while (mode !== 'off') {
      const lane = await lanes.next();
      if (lane === undefined || !isClaiming()) continue;
      await look(lane).catch((error) =>
        deps.log.warn({ provider_id: lane.providerId, err: error }, 'claim failed; the poll tries again'),
      );
    }
  }

  return {
    workerId,
    leaseMs,
    start() {
      mode = 'all';
      looping = loop();
    },
    poke: lanes.poke,
    async pokeAll() {
      if (mode !== 'off' && room() > 0) for (const providerId of await lanesWithWork(deps.db)) lanes.poke(providerId);
    },
    reserve(): WorkerPlace | undefined {
      if (isEnded || room() <= 0) return undefined;
      reserved += 1;
      const release = () => {
        reserved -= 1;
      };
      return {
        release,
        run: (job) => {
          release();
          run(job, true);
        },
      };
    },
    abort: (jobId) => entries.get(jobId)?.control.abort(new StopReason('final')),
    onJobDone(jobId) {
      const entry = entries.get(jobId);
      entry?.control.abort(new StopReason('final'));
      if (room() > 0) lanes.pokeWaiting();
      return entry === undefined ? 'runs elsewhere' : 'runs here';
    },
    async heartbeat() {
      const held = [...entries.values()];
      if (held.length === 0) {
        beatAt = performance.now();
        return;
      }
      const kept = await renewLeases(
        deps.db,
        workerId,
        held.map((entry) => entry.running.claim),
        leaseMs,
      );
      beatAt = performance.now();
      for (const entry of held) if (!kept.has(entry.running.job.id)) entry.control.abort(new StopReason('lost'));
    },
    needsBeat: () => performance.now() - beatAt > leaseMs / 2,
    running: () => entries.size,
    drain() {
      if (mode === 'all') mode = 'held';
    },
    async stopClaiming() {
      isEnded = true;
      mode = 'off';
      lanes.wake();
      await looping;
    },
    async idle() {
      while (entries.size > 0) await Promise.all([...entries.values()].map((entry) => entry.finished));
    },
    async giveBack() {
      const claims = [...entries.values()].map((entry) => entry.running.claim);
      for (const entry of entries.values()) entry.control.abort(new StopReason('shutdown'));
      await this.idle();
      if (claims.length > 0) await releaseJobs(deps.db, workerId, claims);
    },
  };
}
