/** Our queue in the loop: its own functions with every guard, a no-op in the middle. */
import { randomUUID } from 'node:crypto';
import type { Db } from '../../src/db/db.ts';
import { migrateToLatest } from '../../src/db/migrate.ts';
import { listen } from '../../src/db/notifications.ts';
import { createKysely, createPool } from '../../src/db/pool.ts';
import { createLog } from '../../src/log.ts';
import { enqueueJob, type NewJob } from '../../src/repositories/enqueue-job.ts';
import { type Claim, claimJobs, type StoredOutcome, succeedJob } from '../../src/repositories/job-queue.ts';
import { seedLanes } from '../../src/repositories/lanes.ts';
import { newJobId } from '../../src/services/job/job-id.ts';
import { createLatch } from '../../src/worker/latch.ts';
import { type ContenderOptions, OPEN_JOBS, POOL_SIZE, type QueueContender } from './queue-contender.ts';

const PROVIDER = 'bench';
const LEASE_MS = 15_000;
const WINDOW_MS = 48_000;
const POLL_MS = 1_000;
const SLOTS = 15;
const SHA256 = 'a'.repeat(64);

export interface OwnOptions extends ContenderOptions {
  /** Whether a free place of the worker is offered with each job, as the server does. */
  readonly isFused: boolean;
  /** Who takes what waits: so many loops, each claim for at most so many jobs. */
  readonly claimers: number;
  readonly claimCount: number;
}

/** Starts it. The server's default cap on open jobs is in force, which the loop just keeps to. */
export async function startOwnQueue(options: OwnOptions): Promise<QueueContender> {
  const { url, onDone, onFault, isFused } = options;
  await migrateToLatest(url);
  const pool = createPool({
    connectionString: url,
    poolSize: POOL_SIZE,
    applicationName: 'bench',
    statementTimeoutMs: 10_000,
    onError: onFault,
  });
  const db: Db = { pool, kysely: createKysely(pool) };
  await seedLanes(db, [
    {
      providerId: PROVIDER,
      runningMax: 1_000,
      openMax: null,
      callsPerMinute: null,
      callsPerDay: null,
      quotaZone: 'UTC',
      expectedMs: 1_000,
    },
  ]);
  const workerId = randomUUID();
  const finish = async (claim: Claim): Promise<void> => {
    if (!(await succeedJob(db, claim, resultOf(claim)))) throw new Error('a result came too late');
    onDone();
  };
  const claiming = isFused ? undefined : await startClaiming(db, workerId, finish, options);
  let added = 0;
  return {
    async add() {
      added += 1;
      const job = newJob(added, isFused ? { workerId, leaseMs: LEASE_MS } : undefined);
      const outcome = await enqueueJob(db, job);
      if (outcome.outcome === 'claimed') await finish({ jobId: job.id, claimNo: outcome.claimNo, workerId });
      else if (outcome.outcome !== 'created' || isFused) throw new Error(`a job was ${outcome.outcome}`);
    },
    async stop() {
      await claiming?.stop();
      await pool.end();
    },
  };
}

/** Claims when a notification says that there is something to claim, and once a second anyway. */
async function startClaiming(
  db: Db,
  workerId: string,
  finish: (claim: Claim) => Promise<void>,
  { url, onFault, claimers, claimCount }: OwnOptions,
): Promise<{ stop(): Promise<void> }> {
  const latch = createLatch();
  const listener = listen({
    connectionString: url,
    channels: ['job_new', 'job_done'],
    log: createLog('silent'),
    onGap: latch.poke,
    onNotification: (channel) => {
      if (channel === 'job_new') latch.poke();
    },
  });
  await listener.ready;
  let isStopping = false;
  const loop = async (): Promise<void> => {
    while (!isStopping) {
      const jobs = await claimJobs(db, { providerId: PROVIDER, workerId, count: claimCount, leaseMs: LEASE_MS });
      const ends = jobs.map((job) => finish({ jobId: job.id, claimNo: job.claimNo, workerId }));
      if (claimers > 1) await Promise.all(ends);
      else for (const end of ends) end.catch(onFault);
      if (jobs.length === 0) await latch.wait(POLL_MS);
    }
  };
  const loops = Promise.all(Array.from({ length: claimers }, loop));
  loops.catch(onFault);
  return {
    async stop() {
      isStopping = true;
      latch.poke();
      await loops;
      await listener.stop();
    },
  };
}

function newJob(number: number, claimFor: NewJob['claimFor']): NewJob {
  const id = newJobId(Date.now());
  return {
    id,
    slotId: `slot-${String((number % SLOTS) + 1).padStart(3, '0')}`,
    providerId: PROVIDER,
    operationId: 'nothing',
    snapshot: { settings: {}, photo: { mimeType: 'image/jpeg', sizeBytes: 1, sha256: SHA256 } },
    metadata: {},
    payloadPath: `payloads/${id}`,
    elapsedMs: 0,
    windowMs: WINDOW_MS,
    openMax: OPEN_JOBS,
    claimFor,
  };
}

const resultOf = ({ jobId, claimNo }: Claim): StoredOutcome => ({
  call: { providerId: PROVIDER, keyId: '', model: '*', attemptNo: 1, claimNo, linkNo: 0, isTest: false },
  charged: 'no',
  path: `results/${jobId}.jpg`,
  mimeType: 'image/jpeg',
  sizeBytes: 1,
  sha256: SHA256,
  retentionHours: 72,
  providerLatencyMs: 0,
});
