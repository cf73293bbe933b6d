/**
 * The main use case: a station posts a photo and holds the connection; the same request answers with the picture, or with 504
 * when the window closes. A client may also leave the photo behind and fetch the picture later.
 */
import { jobExpiresAt } from '../../domain/deadlines.ts';
import type { Picture } from '../../media/picture.ts';
import { type AcceptedPhoto, acceptPhoto, type PhotoArrival } from './accept-photo.ts';
import { awaitPicture, openPicture, readOutcome } from './await-picture.ts';
import type { HeldRequest } from './held-requests.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { newJobId } from './job-id.ts';
import { removePayload } from './remove-payload.ts';
import { acceptNote, endNote, openNote, type RequestNote } from './request-note.ts';
import { createStageClock } from './stage-clock.ts';

/** A station’s request. */
export interface IngestRequest extends Omit<PhotoArrival, 'facts'> {
  /** What the station calls itself. */
  readonly userAgent: string | undefined;
  /** Whether nobody waits for the picture. */
  readonly isLeftBehind: boolean;
  /** Aborted when the station is gone. */
  readonly gone: AbortSignal;
}

/** The picture, and the job that made it. */
export interface FinishedPhoto {
  readonly jobId: string;
  /** Whether the job was accepted for an earlier, equal request. */
  readonly isReplay: boolean;
  readonly picture: Picture;
}

/** The job of a photo that was left behind before there was a picture. */
export interface PendingPhoto extends Omit<FinishedPhoto, 'picture'> {
  readonly picture: undefined;
  /** When the job's window closes. */
  readonly expiresAt: Date;
}

/**
 * Accepts a photo, waits for its picture and gives it back. Whatever happens, nothing of the upload is left once the job is
 * final.
 *
 * @throws DomainError with every code that `ingestSlot` declares; the error's `details.job_id` names the job where one exists.
 */
export async function ingestPhoto(deps: IngestDeps, request: IngestRequest): Promise<FinishedPhoto | PendingPhoto> {
  const { stationInspector } = deps;
  const note = openNote(request);
  try {
    const answer = await exchange(deps, request, note);
    endNote(stationInspector, note, answer.picture === undefined ? 'accepted' : 'answered');
    return answer;
  } catch (error) {
    endNote(stationInspector, note, 'failed', error);
    throw error;
  }
}

async function exchange(
  deps: IngestDeps,
  request: IngestRequest,
  note: RequestNote,
): Promise<FinishedPhoto | PendingPhoto> {
  const stages = createStageClock(request.arrivedAt);
  const ownId = newJobId(Date.now());
  // registered before the row exists: no wake-up can come too early
  const held = deps.held.hold(ownId);
  try {
    // what the upload brought stays inside this call: while the request is held, only what the wait needs is in memory
    const accepted = await acceptPhoto(deps, { ...request, facts: note.facts }, ownId, stages);
    const { jobId, isReplay, isFinal, window } = accepted;
    acceptNote(deps.stationInspector, note, jobId);
    // who answers removes the photo; a job that runs on removes its own when it ends
    let runsOn = isReplay;
    try {
      if (isReplay) join(deps, request, held, jobId);
      if (request.isLeftBehind && !isFinal) {
        runsOn = true;
        return await leaveBehind(deps, accepted);
      }
      const picture = isFinal
        ? await openPicture(deps, jobId)
        : await awaitPicture(deps, { ...accepted, held, gone: request.gone });
      runsOn ||= picture === 'left to the gallery';
      if (picture === 'left to the gallery') throw request.gone.reason;
      stages.mark('wait');
      deps.log.info({ job_id: jobId, slot_id: request.slotId, stages_ms: stages.durationsMs() }, 'picture ready');
      return { jobId, isReplay, picture };
    } finally {
      window.end();
      if (!runsOn) removePayload(deps, jobId);
    }
  } finally {
    held.drop();
  }
}

function join({ log }: IngestDeps, { slotId }: IngestRequest, held: HeldRequest, jobId: string): void {
  held.join(jobId);
  log.info({ job_id: jobId, slot_id: slotId }, 'equal request joined');
}

async function leaveBehind(deps: IngestDeps, { jobId, isReplay, window }: AcceptedPhoto): Promise<PendingPhoto> {
  const expiresAt = (await readOutcome(deps, jobId))?.expiresAt ?? expiryByOwnClock(window);
  return { jobId, isReplay, picture: undefined, expiresAt };
}

/** Where the row cannot be read just now. */
const expiryByOwnClock = ({ elapsedMs, windowMs }: AcceptedPhoto['window']): Date =>
  jobExpiresAt(new Date(Date.now() - elapsedMs()), windowMs);
