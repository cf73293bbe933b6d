/**
 * The main use case: a station posts a photo and holds the connection; the same request answers with the picture, or with 504
 * when the window closes.
 */
import type { Picture } from '../../media/picture.ts';
import { acceptPhoto, type PhotoArrival } from './accept-photo.ts';
import { awaitPicture } from './await-picture.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { newJobId } from './job-id.ts';
import { acceptNote, endNote, openNote, type RequestNote } from './request-note.ts';
import { createStageClock } from './stage-clock.ts';

/** A station’s request. */
export interface IngestRequest extends Omit<PhotoArrival, 'facts'> {
  /** What the station calls itself. */
  readonly userAgent: string | undefined;
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
  const { stationInspector } = deps;
  const note = openNote(request);
  try {
    const answer = await exchange(deps, request, note);
    endNote(stationInspector, note);
    return answer;
  } catch (error) {
    endNote(stationInspector, note, error);
    throw error;
  }
}

async function exchange(deps: IngestDeps, request: IngestRequest, note: RequestNote): Promise<IngestAnswer> {
  const stages = createStageClock(request.arrivedAt);
  const jobId = newJobId(Date.now());
  // registered before the row exists: no wake-up can come too early
  const held = deps.held.hold(jobId);
  try {
    // what the upload brought stays inside this call: while the request is held, only what the wait needs is in memory
    const { payloadPath, providerId, window } = await acceptPhoto(
      deps,
      { ...request, facts: note.facts },
      jobId,
      stages,
    );
    acceptNote(deps.stationInspector, note, jobId);
    let isLeft = false;
    try {
      const picture = await awaitPicture(deps, { jobId, providerId, held, window, gone: request.gone });
      isLeft = picture === 'left to the gallery';
      if (picture === 'left to the gallery') throw request.gone.reason;
      stages.mark('wait');
      deps.log.info({ job_id: jobId, slot_id: request.slotId, stages_ms: stages.durationsMs() }, 'picture ready');
      return { jobId, picture };
    } finally {
      window.end();
      if (!isLeft) removePayload(deps, jobId, payloadPath);
    }
  } finally {
    held.drop();
  }
}

/** Does not wait: the answer is on its way meanwhile, and what a crash leaves here the orphan sweep finds. */
function removePayload(deps: IngestDeps, jobId: string, payloadPath: string): void {
  deps.store
    .remove(payloadPath)
    .catch((error: unknown) => deps.log.warn({ job_id: jobId, err: error }, 'payload not removed'));
}
