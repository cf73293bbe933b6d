/** One job of a test run: the way of a station's photo, from the queue to the picture. */
import { DomainError } from '../../domain/errors.ts';
import type { ReceivedFile } from '../../media/upload.ts';
import { awaitPicture } from '../job/await-picture.ts';
import { enqueuePhoto } from '../job/enqueue-photo.ts';
import type { HeldRequest } from '../job/held-requests.ts';
import { takes } from '../job/job-chain.ts';
import { removePayload } from '../job/remove-payload.ts';
import type { ResponseWindow } from '../job/response-window.ts';
import type { Trial } from './judge-trials.ts';
import { measurePicture, type PictureSize } from './measure-picture.ts';
import type { TestRunDeps } from './test-run-deps.ts';

/** What all jobs of a test run have in common. */
export interface TestRunInProgress {
  readonly file: ReceivedFile;
  /** Where the photo lies, relative to the media root; each job gets a name of its own for it. */
  readonly photoPath: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly window: ResponseWindow;
  readonly gone: AbortSignal;
}

/** How one job ended. */
export interface TrialEnd {
  readonly trial: Trial;
  /** Undefined where it did not become a job. */
  readonly jobId: string | undefined;
  /** From the received photo to the end. */
  readonly durationMs: number;
  /** Why there is no picture. */
  readonly fault: DomainError | undefined;
  /** Of the picture, where it is known. */
  readonly size: PictureSize | undefined;
}

/**
 * Queues the photo for one trial, and waits. Failures are ends like others. Nothing of the job's photo is left once it is final.
 *
 * @throws the reason of `gone`; faults of the program.
 */
export async function runTrial(
  deps: TestRunDeps,
  run: TestRunInProgress,
  trial: Trial,
  jobId: string,
): Promise<TrialEnd> {
  const startedAt = performance.now();
  const end = (facts: Pick<TrialEnd, 'jobId' | 'fault' | 'size'>): TrialEnd => ({
    trial,
    durationMs: performance.now() - startedAt,
    ...facts,
  });
  // registered before the row exists: no wake-up can come too early
  const held = deps.held.hold(jobId);
  let isQueued = false;
  try {
    await enqueue(deps, run, trial, jobId);
    isQueued = true;
    const size = await measured(deps, run, trial, { jobId, held });
    return end({ jobId, fault: undefined, size });
  } catch (fault) {
    if (!(fault instanceof DomainError)) throw fault;
    return end({ jobId: isQueued ? jobId : undefined, fault, size: undefined });
  } finally {
    held.drop();
  }
}

async function enqueue(deps: TestRunDeps, run: TestRunInProgress, trial: Trial, jobId: string): Promise<void> {
  const { file, metadata, window } = run;
  const { mimeType } = file.facts;
  if (![trial, ...trial.fallback].some(({ providerId }) => takes(deps.providers.get(providerId), mimeType)))
    throw notTaken(deps, trial, mimeType);
  const payloadPath = await deps.store.payloadOfOriginal(jobId, run.photoPath);
  if (payloadPath === undefined) {
    throw new DomainError('storage_unavailable', 'The received photo is gone.', { retryAfterSeconds: 5 });
  }
  try {
    await enqueuePhoto(deps, jobId, { payloadPath, slot: trial, metadata, file, isTest: true }, window);
  } catch (error) {
    await deps.store.remove(payloadPath);
    throw error;
  }
}

function notTaken({ providers }: TestRunDeps, { providerId }: Trial, found: string): DomainError {
  const accepted = providers.get(providerId)?.description.mimeTypes ?? [];
  return new DomainError('unsupported_media_type', `The photo is ${found}, which cannot be taken here.`, {
    details: { found, accepted },
  });
}

/** Waits for the picture; only its size is wanted here, as the picture itself is fetched by its link. */
async function measured(
  deps: TestRunDeps,
  { window, gone }: TestRunInProgress,
  { providerId }: Trial,
  { jobId, held }: { readonly jobId: string; readonly held: HeldRequest },
): Promise<PictureSize | undefined> {
  let runsOn = false;
  try {
    const picture = await awaitPicture(deps, { jobId, isReplay: false, providerId, held, window, gone });
    runsOn = picture === 'left to the gallery';
    if (picture === 'left to the gallery') throw gone.reason;
    return await measurePicture(deps, picture);
  } finally {
    // a job that runs on removes its photo when it ends
    if (!runsOn) removePayload(deps, jobId);
  }
}
