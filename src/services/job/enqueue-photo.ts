/** Putting a received photo into the queue, and into this process's own worker at once when it has a free place. */
import { setTimeout as wait } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { jobTemplates } from '../../domain/templates.ts';
import { isConnectionFault } from '../../repositories/connection-fault.ts';
import { type EnqueueOutcome, enqueueJob, type NewJob, releaseJobs } from '../../repositories/job-queue.ts';
import { needDatabase } from '../database-fault.ts';
import type { IngestDeps } from './ingest-deps.ts';
import type { ReceivedPhoto } from './receive-photo.ts';
import type { ResponseWindow } from './response-window.ts';

/** A try that fails sooner met a broken connection, not a silent database. */
const QUICK_FAULT_MS = 1_000;
/** After pauses of 25, 100 and 400 ms the database counts as away. */
const PAUSE_MS_MAX = 400;

/** Writes a job's row. */
export type Enqueue = (job: NewJob) => Promise<EnqueueOutcome>;

/** What queueing needs. */
export interface EnqueueDeps extends Pick<IngestDeps, 'db' | 'worker'> {
  readonly limits: Pick<IngestDeps['limits'], 'openJobsMax'>;
}

/** A photo on disk that is to become a job. */
export interface PhotoToEnqueue extends Pick<ReceivedPhoto, 'payloadPath' | 'slot' | 'metadata'> {
  readonly file: Pick<ReceivedPhoto['file'], 'sizeBytes' | 'sha256'> & {
    readonly facts: Pick<ReceivedPhoto['file']['facts'], 'mimeType'>;
  };
}

/**
 * Accepts the job, within every cap.
 *
 * @param enqueue writes the row; it may be called twice for one job, and answers `duplicate` when the first call took effect.
 * @throws DomainError `queue_busy`, `queue_unavailable`, or `sync_timeout` when the window closed first; no row is left then.
 */
export async function enqueuePhoto(
  deps: EnqueueDeps,
  jobId: string,
  photo: PhotoToEnqueue,
  window: Pick<ResponseWindow, 'elapsedMs' | 'windowMs'>,
  enqueue: Enqueue = (job) => enqueueJob(deps.db, job),
): Promise<void> {
  const place = deps.worker?.reserve();
  const job = newJob(deps, jobId, photo, window, place !== undefined);
  let outcome: EnqueueOutcome | undefined;
  try {
    outcome = await needDatabase(enqueueOnce(deps, job, enqueue));
  } finally {
    if (outcome?.outcome !== 'claimed') place?.release();
  }
  if (outcome.outcome === 'claimed')
    place?.run({ ...job, ...outcome, providerJobReference: null, waitedMs: job.elapsedMs });
  if (outcome.outcome === 'late')
    throw new DomainError('sync_timeout', 'The window closed before the photo could be queued.');
  if (outcome.outcome === 'full') throw queueBusy(outcome.scope);
}

function newJob(
  deps: EnqueueDeps,
  id: string,
  photo: PhotoToEnqueue,
  window: Pick<ResponseWindow, 'elapsedMs' | 'windowMs'>,
  hasPlace: boolean,
): NewJob {
  const { slot, file } = photo;
  const templates = jobTemplates(slot.settings, slot.templates);
  return {
    id,
    slotId: slot.id,
    providerId: slot.providerId,
    operationId: slot.operationId,
    snapshot: {
      settings: slot.settings,
      photo: { mimeType: file.facts.mimeType, sizeBytes: file.sizeBytes, sha256: file.sha256 },
      ...(templates && { templates }),
    },
    metadata: photo.metadata,
    payloadPath: photo.payloadPath,
    elapsedMs: window.elapsedMs(),
    windowMs: window.windowMs,
    openMax: deps.limits.openJobsMax,
    claimFor: hasPlace && deps.worker ? { workerId: deps.worker.workerId, leaseMs: deps.worker.leaseMs } : undefined,
  };
}

/** A lost reply does not tell whether the row was written, so the same id is tried again: `duplicate` then means accepted. */
async function enqueueOnce(deps: EnqueueDeps, job: NewJob, enqueue: Enqueue): Promise<EnqueueOutcome> {
  try {
    return await enqueue(job);
  } catch (error) {
    if (!isConnectionFault(error)) throw error;
    const outcome = await tryAgain(() => enqueue({ ...job, claimFor: undefined }));
    const { claimFor } = job;
    // the first try may have claimed the job for a worker that never heard of it
    if (outcome.outcome === 'duplicate' && claimFor !== undefined) {
      await releaseJobs(deps.db, claimFor.workerId, [{ jobId: job.id, claimNo: 1, workerId: claimFor.workerId }]);
    }
    return outcome;
  }
}

/** Connections break together, and the pool may hand out others before it has heard of their end: a quick fault is no last word. */
async function tryAgain(enqueue: () => Promise<EnqueueOutcome>): Promise<EnqueueOutcome> {
  for (let pauseMs = 25; ; pauseMs *= 4) {
    const begunAt = performance.now();
    try {
      return await enqueue();
    } catch (error) {
      const isQuick = isConnectionFault(error) && performance.now() - begunAt < QUICK_FAULT_MS;
      if (!isQuick || pauseMs > PAUSE_MS_MAX) throw error;
      await wait(pauseMs);
    }
  }
}

const queueBusy = (scope: string) =>
  new DomainError('queue_busy', 'Too many photos are being processed. Try again in a few seconds.', {
    details: { scope },
    retryAfterSeconds: 2,
  });
