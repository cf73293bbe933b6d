/** Waiting for a job to become final while its request is held. */
import { jobExpiresAt } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Picture } from '../../media/picture.ts';
import { isConnectionFault } from '../../repositories/connection-fault.ts';
import { endJob } from '../../repositories/job-queue.ts';
import { findJobOutcome, type JobOutcome } from '../../repositories/jobs.ts';
import { needDatabase } from '../database-fault.ts';
import type { HeldRequest } from './held-requests.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { removePayload } from './remove-payload.ts';
import type { ResponseWindow } from './response-window.ts';

/** How long a silent database may delay the answer when the window has closed, in milliseconds. */
const LAST_WORD_MS = 150;

/** What waiting needs. */
export type AwaitDeps = Pick<IngestDeps, 'db' | 'store' | 'log' | 'worker' | 'meter'>;

/** One held request. */
export interface Waiting {
  readonly jobId: string;
  /** Whether the job was accepted for another request, whose window is the job's. */
  readonly isReplay: boolean;
  /** Whose lane the job was put into. */
  readonly providerId: string;
  readonly held: HeldRequest;
  readonly window: ResponseWindow;
  readonly gone: AbortSignal;
}

/**
 * Waits until the job is final or the window closes; then this process itself times the job out, if it is this request's own.
 *
 * @returns the picture, or `left to the gallery` when the station left a job that goes on: its provider call is under way, or others
 * wait for it.
 * @throws DomainError `provider_error`, `job_cancelled` or `sync_timeout`, with `details.job_id`.
 */
export async function awaitPicture(deps: AwaitDeps, waiting: Waiting): Promise<Picture | 'left to the gallery'> {
  for (;;) {
    const wake = await waiting.held.next(waiting.window.closed, waiting.gone);
    if (wake === undefined) break;
    if (wake.kind === 'picture') return wake.picture;
    const outcome = await readOutcome(deps, waiting.jobId);
    if (outcome?.isFinalized) return pictureOf(deps, waiting.jobId, outcome);
  }
  if (waiting.window.closed.aborted) return timeOut(deps, waiting);
  const ended = await endJob(deps.db, {
    jobId: waiting.jobId,
    reason: 'cancelled',
    message: 'the station left before processing began',
    onlyWaiting: true,
  }).catch((error: unknown) => {
    // a database that is away ends nothing: the job stays, with its photo, for the gallery
    if (!isConnectionFault(error)) throw error;
    deps.log.warn({ job_id: waiting.jobId, err: error }, 'the station left; its job stays');
    return false;
  });
  if (!ended) return 'left to the gallery';
  deps.meter?.jobEnded(waiting.providerId, 'cancelled');
  removePayload(deps, waiting.jobId);
  throw waiting.gone.reason;
}

/**
 * The picture of a job that is final already.
 *
 * @throws DomainError as {@link awaitPicture}, or `queue_unavailable`.
 */
export async function openPicture(deps: AwaitDeps, jobId: string): Promise<Picture> {
  const outcome = await needDatabase(findJobOutcome(deps.db, jobId));
  if (outcome === undefined) throw unreadable(jobId);
  return pictureOf(deps, jobId, outcome);
}

/** The last word on a job when the window has closed: what the row says wins, unless the database stays silent. */
async function timeOut(deps: AwaitDeps, waiting: Waiting): Promise<Picture> {
  const { jobId, window } = waiting;
  // the window of another request's job is not this one's to close
  const lastWord = waiting.isReplay ? readOutcome(deps, jobId) : closeJob(deps, waiting);
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LAST_WORD_MS, undefined);
  });
  const outcome = await Promise.race([lastWord, silence]);
  clearTimeout(timer);
  if (outcome?.isFinalized) return pictureOf(deps, jobId, outcome);
  // without the row's own word the process's clock has to do
  const ownExpiry = jobExpiresAt(new Date(Date.now() - window.elapsedMs()), window.windowMs);
  throw timedOut(jobId, outcome?.expiresAt ?? ownExpiry);
}

/** The guarded timeout. */
async function closeJob(deps: AwaitDeps, { jobId, providerId }: Waiting): Promise<JobOutcome | undefined> {
  deps.worker?.abort(jobId);
  const end = { jobId, reason: 'timeout', message: 'the response window closed', onlyWaiting: false } as const;
  try {
    if (await endJob(deps.db, end)) deps.meter?.jobEnded(providerId, 'timeout');
  } catch (error) {
    deps.log.warn({ job_id: jobId, err: error }, 'timeout not recorded; the sweep will');
    return undefined;
  }
  return readOutcome(deps, jobId);
}

/** What the row says; undefined where it cannot be read. */
export async function readOutcome(
  deps: Pick<IngestDeps, 'db' | 'log'>,
  jobId: string,
): Promise<JobOutcome | undefined> {
  try {
    return await findJobOutcome(deps.db, jobId);
  } catch (error) {
    // the next look, a notification or the deadline decides; a held request outlives a database restart
    deps.log.warn({ job_id: jobId, err: error }, 'job not read');
    return undefined;
  }
}

async function pictureOf(deps: AwaitDeps, jobId: string, outcome: JobOutcome): Promise<Picture> {
  if (outcome.failureReason !== null) throw failure(jobId, outcome);
  const file = outcome.resultPath === null ? undefined : await deps.store.openFile(outcome.resultPath);
  if (file === undefined) throw unreadable(jobId);
  return {
    bytes: { kind: 'file', handle: file.handle, offset: 0, sizeBytes: file.sizeBytes },
    mimeType: outcome.resultMimeType ?? 'image/jpeg',
    providerId: outcome.resultProviderId ?? 'unknown',
    linkNo: outcome.linkNo,
  };
}

const unreadable = (jobId: string) =>
  new DomainError('storage_unavailable', 'The finished picture cannot be read.', {
    details: { job_id: jobId },
    retryAfterSeconds: 5,
  });

function failure(jobId: string, outcome: JobOutcome): DomainError {
  const details = { job_id: jobId };
  switch (outcome.failureReason) {
    case 'timeout':
      return timedOut(jobId, outcome.expiresAt);
    case 'cancelled':
      return new DomainError('job_cancelled', 'The job was cancelled.', { details, retryAfterSeconds: 1 });
    default:
      return new DomainError(
        'provider_error',
        `The provider made no picture: ${outcome.failureMessage ?? 'no reason given'}`,
        { details },
      );
  }
}

const timedOut = (jobId: string, expiresAt: Date) =>
  new DomainError('sync_timeout', 'The picture was not ready when the response window closed.', {
    details: { job_id: jobId, expires_at: expiresAt.toISOString() },
  });
