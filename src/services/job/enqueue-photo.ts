/** Putting a received photo into the queue, and into this process's own worker at once when it has a free place. */
import { setTimeout as wait } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { isConnectionFault } from '../../repositories/connection-fault.ts';
import { type EnqueueOutcome, enqueueJob, type NewJob } from '../../repositories/enqueue-job.ts';
import { releaseJobs } from '../../repositories/job-queue.ts';
import { needDatabase } from '../database-fault.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { jobChain, takes } from './job-chain.ts';
import type { ReceivedPhoto } from './receive-photo.ts';
import type { ResponseWindow } from './response-window.ts';
import type { SameRequest } from './same-request.ts';

/** A try that fails sooner met a broken connection, not a silent database. */
const QUICK_FAULT_MS = 1_000;
/** After pauses of 25, 100 and 400 ms the database counts as away. */
const PAUSE_MS_MAX = 400;

/** Writes a job's row. */
export type Enqueue = (job: NewJob) => Promise<EnqueueOutcome>;

/** What queueing needs. */
export interface EnqueueDeps extends Pick<IngestDeps, 'db' | 'worker' | 'providers'> {
  readonly limits: Pick<IngestDeps['limits'], 'openJobsMax'>;
}

/** A photo on disk that is to become a job. */
export interface PhotoToEnqueue extends Pick<ReceivedPhoto, 'payloadPath' | 'slot' | 'metadata'> {
  readonly file: Pick<ReceivedPhoto['file'], 'sizeBytes' | 'sha256'> & {
    readonly facts: Pick<ReceivedPhoto['file']['facts'], 'mimeType'>;
  };
  /** What tells it from other requests; left out where it joins no other. */
  readonly sameRequest?: SameRequest | undefined;
  /** A try of the settings: it counts in no statistics. */
  readonly isTest?: boolean;
}

/** A job of its own, or the one that the same request made before. */
export type Enqueued =
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'joined'; readonly jobId: string; readonly isFinal: boolean };

/**
 * Accepts the job, within every cap, at the first link of its slot's chain that can serve it in its window; or joins the job that the
 * same request made before.
 *
 * @param enqueue writes the row; it may be called twice for one job, and answers `duplicate` when the first call took effect.
 * @throws DomainError `queue_busy`, `provider_unavailable` or `budget_exhausted` when no link can serve it, `idempotency_key_reused`,
 * `queue_unavailable`, or `sync_timeout` when the window closed first; no row is left then.
 */
export async function enqueuePhoto(
  deps: EnqueueDeps,
  jobId: string,
  photo: PhotoToEnqueue,
  window: Pick<ResponseWindow, 'elapsedMs' | 'windowMs'>,
  enqueue: Enqueue = (job) => enqueueJob(deps.db, job),
): Promise<Enqueued> {
  const place = deps.worker?.reserve();
  const job = newJob(deps, jobId, photo, window, place !== undefined);
  let outcome: EnqueueOutcome | undefined;
  try {
    outcome = await needDatabase(enqueueOnce(deps, job, enqueue));
  } finally {
    if (outcome?.outcome !== 'claimed') place?.release();
  }
  if (outcome.outcome === 'claimed')
    place?.run({ ...toClaimedJob(job, outcome), providerJobReference: null, waitedMs: job.elapsedMs });
  switch (outcome.outcome) {
    case 'late':
      throw new DomainError('sync_timeout', 'The window closed before the photo could be queued.');
    case 'full':
      throw queueBusy(outcome.scope);
    case 'unserved':
      throw unserved(outcome);
    case 'key_reused':
      throw new DomainError('idempotency_key_reused', 'Another photo was sent under this Idempotency-Key.');
    case 'joined':
      return { outcome: 'joined', jobId: outcome.jobId, isFinal: outcome.isFinal };
    default:
      return { outcome: 'accepted' };
  }
}

/** The job at the link that took it. */
function toClaimedJob(job: NewJob, claimed: EnqueueOutcome & { outcome: 'claimed' }) {
  const providerId = [job.providerId, ...(job.chain ?? []).map((link) => link.providerId)][claimed.linkNo];
  return { ...job, ...claimed, providerId: providerId ?? job.providerId, isTest: job.terms?.isTest ?? false };
}

function newJob(
  deps: EnqueueDeps,
  id: string,
  photo: PhotoToEnqueue,
  window: Pick<ResponseWindow, 'elapsedMs' | 'windowMs'>,
  hasPlace: boolean,
): NewJob {
  const { slot, file, sameRequest, isTest = false } = photo;
  // a try is paid for by the provider's limits, not by the slot's budget: it has to be possible when that is used up
  const dailyBudget = isTest ? null : slot.dailyBudget;
  const stopsOverBudget = slot.overBudget === 'stop';
  const { mimeType } = file.facts;
  const { model, links, ...own } = jobChain(deps.providers, { slot, metadata: photo.metadata, mimeType });
  return {
    id,
    slotId: slot.id,
    providerId: slot.providerId,
    operationId: slot.operationId,
    model: model ?? '*',
    isPassedOver: !takes(deps.providers.get(slot.providerId), mimeType),
    chain: links.map((link) => ({ providerId: link.providerId, model: link.model ?? '*' })),
    terms: { ...sameRequest, isTest, dailyBudget: dailyBudget ?? undefined, stopsOverBudget },
    snapshot: {
      providerId: slot.providerId,
      ...own,
      photo: { mimeType, sizeBytes: file.sizeBytes, sha256: file.sha256 },
      ...(model !== undefined && { model }),
      ...(links.length > 0 && { links }),
      ...(slot.repeatPaidCalls !== 'when_uncertain' && { repeatPaidCalls: slot.repeatPaidCalls }),
      ...(dailyBudget !== null && { dailyBudget }),
      ...(dailyBudget !== null && stopsOverBudget && { stopsOverBudget }),
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
      await releaseJobs(deps.db, claimFor.workerId, [{ jobId: job.id, claimNo: 1, workerId: claimFor.workerId }], {
        isUntouched: true,
      });
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

/** Told at once, so that the station can go on without us. */
function unserved({ why, waitMs }: EnqueueOutcome & { outcome: 'unserved' }): DomainError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  const facts = { details: { why }, retryAfterSeconds };
  if (why === 'budget') return new DomainError('budget_exhausted', "The slot's budget of the day is used up.", facts);
  if (why === 'busy' || why === 'paused')
    return new DomainError('queue_busy', 'The photo could not be processed within its window. Try again later.', facts);
  const word = why === 'exhausted' ? 'has no calls left for now' : 'is not available now';
  return new DomainError(
    'provider_unavailable',
    `The slot's provider ${word}, and nothing else can make the picture.`,
    facts,
  );
}

const queueBusy = (scope: string) =>
  new DomainError('queue_busy', 'Too many photos are being processed. Try again in a few seconds.', {
    details: { scope },
    retryAfterSeconds: 2,
  });
