/**
 * The main use case: a station posts a photo and holds the connection; the same request answers with the picture, or with 504
 * when the window closes.
 */

import { WINDOW_SECONDS } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import { isSlotId } from '../../domain/slots.ts';
import type { Picture } from '../../media/picture.ts';
import type { ReceiveUpload } from '../../media/upload.ts';
import { findIngestSetup, type IngestSetup } from '../../repositories/ingest.ts';
import { needDatabase } from '../database-fault.ts';
import { awaitPicture } from './await-picture.ts';
import { enqueuePhoto } from './enqueue-photo.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { newJobId } from './job-id.ts';
import { type QueryTokens, type ReceivedPhoto, receivePhoto, usableSlot } from './receive-photo.ts';
import { openResponseWindow, type ResponseWindow } from './response-window.ts';
import { createStageClock, type StageClock } from './stage-clock.ts';

/** A station’s request. */
export interface IngestRequest {
  readonly slotId: string;
  /** `performance.now()` when the request's head was complete: the window counts from here. */
  readonly arrivedAt: number;
  readonly queryTokens: QueryTokens;
  readonly receiveUpload: ReceiveUpload;
  /** Aborted when the station is gone. */
  readonly gone: AbortSignal;
}

/** The picture, and the job that made it. */
export interface IngestAnswer {
  readonly jobId: string;
  readonly picture: Picture;
}

/**
 * Accepts a photo, waits for its picture and gives it back. Whatever happens, nothing of the upload is left once the job is
 * final.
 *
 * @throws DomainError with every code that `ingestSlot` declares; the error's `details.job_id` names the job where one exists.
 */
export async function ingestPhoto(deps: IngestDeps, request: IngestRequest): Promise<IngestAnswer> {
  const stages = createStageClock(request.arrivedAt);
  const setup = await readSetup(deps, request.slotId);
  stages.mark('setup');
  // a fault that is known before the password is known is told at once: nothing needs to be uploaded for it
  if (setup.slot === undefined) usableSlot(deps, request.slotId, setup);
  const window = openResponseWindow(request.arrivedAt, windowMsOf(deps, setup));
  const jobId = newJobId(Date.now());
  try {
    const photo = await receive(deps, request, setup, jobId, window);
    stages.mark('upload');
    const picture = await processPhoto(deps, request, { jobId, photo, window, stages });
    deps.log.info({ job_id: jobId, slot_id: request.slotId, stages_ms: stages.durationsMs() }, 'picture ready');
    return { jobId, picture };
  } finally {
    window.end();
  }
}

async function readSetup(deps: IngestDeps, slotId: string): Promise<IngestSetup> {
  if (!isSlotId(slotId)) return { slot: undefined, passwordHash: undefined, windowSeconds: undefined };
  return needDatabase(findIngestSetup(deps.db, slotId));
}

function windowMsOf(deps: IngestDeps, setup: IngestSetup): number {
  const { windowSeconds } = deps.limits;
  return (windowSeconds < WINDOW_SECONDS.min ? windowSeconds : (setup.windowSeconds ?? windowSeconds)) * 1000;
}

async function receive(
  deps: IngestDeps,
  request: IngestRequest,
  setup: IngestSetup,
  jobId: string,
  window: ResponseWindow,
): Promise<ReceivedPhoto> {
  try {
    return await receivePhoto(deps, { ...request, jobId, setup, signal: window.closed });
  } catch (error) {
    if (window.closed.aborted)
      throw new DomainError('sync_timeout', 'The window closed while the photo was still being uploaded.', {
        cause: error,
      });
    throw error;
  }
}

interface Accepted {
  readonly jobId: string;
  readonly photo: ReceivedPhoto;
  readonly window: ResponseWindow;
  readonly stages: StageClock;
}

async function processPhoto(
  deps: IngestDeps,
  request: IngestRequest,
  { jobId, photo, window, stages }: Accepted,
): Promise<Picture> {
  const held = deps.held.hold(jobId);
  let mayRemovePayload = true;
  try {
    await enqueuePhoto(deps, jobId, photo, window);
    stages.mark('enqueue');
    const picture = await awaitPicture(deps, { jobId, held, window, gone: request.gone });
    stages.mark('wait');
    mayRemovePayload = picture !== 'left to the gallery';
    if (picture === 'left to the gallery') throw request.gone.reason;
    return picture;
  } finally {
    held.drop();
    if (mayRemovePayload)
      void deps.store
        .remove(photo.payloadPath)
        .catch((error: unknown) => deps.log.warn({ job_id: jobId, err: error }, 'payload not removed'));
  }
}
