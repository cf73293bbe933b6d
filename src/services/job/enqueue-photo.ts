/** Putting a received photo into the queue, and into this process's own worker at once when it has a free place. */
import { DomainError } from '../../domain/errors.ts';
import { isConnectionFault } from '../../repositories/connection-fault.ts';
import { type EnqueueOutcome, enqueueJob, type NewJob, releaseJobs } from '../../repositories/job-queue.ts';
import { needDatabase } from '../database-fault.ts';
import type { IngestDeps } from './ingest-deps.ts';
import type { ReceivedPhoto } from './receive-photo.ts';
import type { ResponseWindow } from './response-window.ts';

/**
 * Accepts the job, within every cap.
 *
 * @throws DomainError `queue_busy`, `queue_unavailable`, or `sync_timeout` when the window closed first; no row is left then.
 */
export async function enqueuePhoto(
  deps: IngestDeps,
  jobId: string,
  photo: ReceivedPhoto,
  window: ResponseWindow,
): Promise<void> {
  const place = deps.worker?.reserve();
  const job = newJob(deps, jobId, photo, window, place !== undefined);
  let outcome: EnqueueOutcome | undefined;
  try {
    outcome = await needDatabase(enqueueOnce(deps, job));
  } finally {
    if (outcome?.outcome !== 'claimed') place?.release();
  }
  if (outcome.outcome === 'claimed') place?.run({ ...job, ...outcome, providerJobReference: null });
  if (outcome.outcome === 'late')
    throw new DomainError('sync_timeout', 'The window closed before the photo could be queued.');
  if (outcome.outcome === 'full') throw queueBusy(outcome.scope);
}

function newJob(deps: IngestDeps, id: string, photo: ReceivedPhoto, window: ResponseWindow, hasPlace: boolean): NewJob {
  const { slot, file } = photo;
  return {
    id,
    slotId: slot.id,
    providerId: slot.providerId,
    operationId: slot.operationId,
    snapshot: {
      settings: slot.settings,
      photo: { mimeType: file.facts.mimeType, sizeBytes: file.sizeBytes, sha256: file.sha256 },
    },
    metadata: photo.metadata,
    payloadPath: photo.payloadPath,
    elapsedMs: window.elapsedMs(),
    windowMs: window.windowMs,
    openMax: deps.limits.openJobsMax,
    claimFor: hasPlace && deps.worker ? { workerId: deps.worker.workerId, leaseMs: deps.worker.leaseMs } : undefined,
  };
}

/** A lost reply does not tell whether the row was written, so the same id is tried once more: `duplicate` then means accepted. */
async function enqueueOnce(deps: IngestDeps, job: NewJob): Promise<EnqueueOutcome> {
  try {
    return await enqueueJob(deps.db, job);
  } catch (error) {
    if (!isConnectionFault(error)) throw error;
    const outcome = await enqueueJob(deps.db, { ...job, claimFor: undefined });
    const { claimFor } = job;
    // the first try may have claimed the job for a worker that never heard of it
    if (outcome.outcome === 'duplicate' && claimFor !== undefined) {
      await releaseJobs(deps.db, claimFor.workerId, [{ jobId: job.id, claimNo: 1, workerId: claimFor.workerId }]);
    }
    return outcome;
  }
}

const queueBusy = (scope: string) =>
  new DomainError('queue_busy', 'Too many photos are being processed. Try again in a few seconds.', {
    details: { scope },
    retryAfterSeconds: 2,
  });
