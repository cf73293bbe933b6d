/** From a provider's answer to the finished result: checked, stored, finalised, handed to whoever waits. */

import { DomainError } from '../domain/errors.ts';
import type { JobLink } from '../domain/job.ts';
import { UnacceptableImageError } from '../domain/unacceptable-image.ts';
import type { Charged, ProviderFailure, ProviderImage } from '../providers/provider.ts';
import { succeedJob } from '../repositories/job-queue.ts';
import { findJobOutcome } from '../repositories/jobs.ts';
import type { ProviderCall } from '../repositories/provider-call.ts';
import { finishOptions } from './finish-options.ts';
import { patiently } from './patiently.ts';
import type { RunningJob } from './running-job.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** What a provider made. */
export interface MadePicture {
  readonly call: ProviderCall;
  /** What the provider takes for a picture: something, or nothing. */
  readonly charged: Charged;
  /** The link of the chain that made it: its settings say how it is finished. */
  readonly link: JobLink;
  readonly image: ProviderImage;
  readonly latencyMs: number;
}

/** Whether it became the job’s result. */
export type Delivery =
  | { readonly outcome: 'succeeded' | 'late' }
  | {
      readonly outcome: 'unacceptable';
      readonly failure: ProviderFailure /** It was this server that failed. */;
      readonly isOurs?: true;
    };

/**
 * Accepts an answer only if it is a picture: decoded within the limits, metadata removed. The row is finalised after the file is
 * safe on disk; if the row says "too late", the file goes again.
 */
export async function deliverPicture(deps: WorkerDeps, running: RunningJob, made: MadePicture): Promise<Delivery> {
  const { job } = running;
  let isHandedOver = false;
  try {
    const finished = await deps.finishResult(made.image.bytes, finishOptions(deps, made.link));
    if (finished.frameFault !== undefined)
      deps.log.warn({ job_id: job.id, reason: finished.frameFault }, 'the picture goes out without its frame');
    // proved whole and written at the same time; neither counts without the other
    void finished.thumbnail.then(
      () => running.stages.mark('check'),
      () => undefined,
    );
    const stored = await deps.store.storeResult({
      jobId: job.id,
      claimNo: job.claimNo,
      mimeType: finished.mimeType,
      parts: finished.parts,
      thumbnail: finished.thumbnail,
      storedOn: new Date(),
    });
    running.stages.mark('store');
    const isMine = await finalise(deps, running, made, { ...stored, mimeType: finished.mimeType });
    running.stages.mark('finalise');
    if (!isMine) return { outcome: 'late' };
    const bytes = {
      kind: 'memory',
      parts: finished.parts,
      sizeBytes: finished.sizeBytes,
      release: made.image.release,
    } as const;
    isHandedOver = deps.held.wake(job.id, {
      kind: 'picture',
      picture: { bytes, mimeType: finished.mimeType, providerId: made.call.providerId, linkNo: made.call.linkNo },
    });
    return { outcome: 'succeeded' };
  } catch (error) {
    if (error instanceof UnacceptableImageError)
      return { outcome: 'unacceptable', failure: badAnswer(error, made.charged) };
    if (error instanceof DomainError)
      return { outcome: 'unacceptable', failure: notStored(error, made.charged), isOurs: true };
    throw error;
  } finally {
    if (!isHandedOver) made.image.release();
  }
}

interface Stored {
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** @returns whether the row took this result; if it came too late, its file is gone again. */
async function finalise(deps: WorkerDeps, running: RunningJob, made: MadePicture, stored: Stored): Promise<boolean> {
  const isMine = await patiently(running, async () => {
    const won = await succeedJob(deps.db, running.claim, {
      ...stored,
      call: made.call,
      charged: made.charged,
      retentionHours: deps.options.retentionHours,
      providerLatencyMs: made.latencyMs,
    });
    // after a lost reply the first try may have won: the row then names this very file
    return won || (await findJobOutcome(deps.db, running.job.id))?.resultPath === stored.path;
  });
  if (!isMine) await deps.store.removeResult(stored.path);
  return isMine;
}

/** The call was paid for and cannot be made useful by making it again: the disk is what fails. */
const notStored = (error: DomainError, charged: Charged): ProviderFailure => ({
  kind: 'unavailable',
  retryable: false,
  charged,
  reason: `the picture came but could not be stored: ${error.message}`,
});

const badAnswer = (error: UnacceptableImageError, charged: Charged): ProviderFailure => ({
  kind: 'bad_answer',
  retryable: true,
  charged,
  reason: error.message,
});
