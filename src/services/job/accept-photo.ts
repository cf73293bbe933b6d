/** From the station's first byte to a job in the queue. */
import { windowSecondsInForce } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import { isSlotId } from '../../domain/slots.ts';
import type { ReceiveUpload } from '../../media/upload.ts';
import { findIngestSetup, type IngestSetup } from '../../repositories/ingest.ts';
import { needDatabase } from '../database-fault.ts';
import type { ArrivalFacts } from './arrival-facts.ts';
import { enqueuePhoto } from './enqueue-photo.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { enqueueWithOriginal } from './keep-original.ts';
import { type QueryTokens, type ReceivedPhoto, receivePhoto, usableSlot } from './receive-photo.ts';
import { removePayload } from './remove-payload.ts';
import { openResponseWindow, type ResponseWindow } from './response-window.ts';
import type { StageClock } from './stage-clock.ts';

/** A photo on its way to a slot. */
export interface PhotoArrival {
  readonly slotId: string;
  /** `performance.now()` when the request's head was complete: the window counts from here. */
  readonly arrivedAt: number;
  readonly queryTokens: QueryTokens;
  /** The client's own name for the request, within the slot: 1–255 visible ASCII characters. */
  readonly idempotencyKey: string | undefined;
  readonly clientAddress: string;
  readonly receiveUpload: ReceiveUpload;
  /** Told what arrives while it does. */
  readonly facts: ArrivalFacts;
}

/** A photo that is a job now, or belongs to one. */
export interface AcceptedPhoto {
  readonly jobId: string;
  /** Whether the job was accepted for an earlier, equal request; then nothing of this one is kept. */
  readonly isReplay: boolean;
  /** Whether the job has made its picture already. */
  readonly isFinal: boolean;
  /** Of the slot, as it is now. */
  readonly providerId: string;
  /** Open; whoever waits ends it. */
  readonly window: ResponseWindow;
}

/**
 * Receives and queues a photo under the given job id, unless it belongs to the job of an earlier, equal request.
 *
 * @throws DomainError as `ingestSlot` declares; then there is no row, no file, and the window is ended.
 */
export async function acceptPhoto(
  deps: IngestDeps,
  arrival: PhotoArrival,
  jobId: string,
  stages: StageClock,
): Promise<AcceptedPhoto> {
  if (deps.isDraining()) throw stopping();
  const setup = await readSetup(deps, arrival.slotId);
  stages.mark('setup');
  // a fault that is known before the password is known is told at once: nothing needs to be uploaded for it
  if (setup.slot === undefined) usableSlot(deps, arrival.slotId, setup);
  const window = openResponseWindow(arrival.arrivedAt, windowMsOf(deps.limits, setup));
  let photo: ReceivedPhoto | undefined;
  try {
    photo = await receive(deps, arrival, { jobId, setup, window });
    stages.mark('upload');
    const { keepOriginalHours } = photo.slot;
    const enqueue = keepOriginalHours > 0 ? enqueueWithOriginal : enqueuePhoto;
    const enqueued = await enqueue(deps, jobId, photo, window);
    stages.mark('enqueue');
    const { providerId } = photo.slot;
    if (enqueued.outcome !== 'joined') return { jobId, isReplay: false, isFinal: false, providerId, window };
    removePayload(deps, jobId);
    return { jobId: enqueued.jobId, isReplay: true, isFinal: enqueued.isFinal, providerId, window };
  } catch (error) {
    window.end();
    if (photo !== undefined) await deps.store.remove(photo.payloadPath);
    throw error;
  }
}

const stopping = () =>
  new DomainError('queue_unavailable', 'The server is stopping and takes no new photos.', { retryAfterSeconds: 5 });

async function readSetup(deps: IngestDeps, slotId: string): Promise<IngestSetup> {
  if (!isSlotId(slotId)) return { slot: undefined, passwordHash: undefined, windowSeconds: undefined };
  return needDatabase(findIngestSetup(deps.db, slotId));
}

const windowMsOf = ({ windowSeconds }: Pick<IngestDeps['limits'], 'windowSeconds'>, setup: IngestSetup): number =>
  windowSecondsInForce(windowSeconds, setup.windowSeconds) * 1000;

async function receive(
  deps: IngestDeps,
  arrival: PhotoArrival,
  { jobId, setup, window }: { jobId: string; setup: IngestSetup; window: ResponseWindow },
): Promise<ReceivedPhoto> {
  try {
    return await receivePhoto(deps, { ...arrival, jobId, setup, signal: window.closed });
  } catch (error) {
    if (!window.closed.aborted) throw error;
    throw new DomainError('sync_timeout', 'The window closed while the photo was still being uploaded.', {
      cause: error,
    });
  }
}
