/** Running a finished job once more, from the photo that its slot kept. */
import type { Actor } from '../../domain/actor.ts';
import { windowSecondsInForce } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ImageMimeType } from '../../domain/images.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { findIngestSetup, type IngestSetup } from '../../repositories/ingest.ts';
import {
  enqueueWithin,
  findJobWithOriginal,
  type JobWithOriginal,
  type KeptOriginal,
} from '../../repositories/job-originals.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { type Enqueue, enqueuePhoto, type PhotoToEnqueue } from './enqueue-photo.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { jobNotFound, originalGone } from './job-faults.ts';
import { newJobId, readJobId } from './job-id.ts';
import { dropOriginal, keepFile } from './keep-original.ts';
import { usableSlot } from './receive-photo.ts';

/** What a rerun needs. */
export interface RerunDeps extends Pick<IngestDeps, 'db' | 'store' | 'providers' | 'worker' | 'isDraining' | 'log'> {
  readonly limits: Pick<IngestDeps['limits'], 'openJobsMax' | 'windowSeconds'>;
}

/** What is to be run again, and how. */
export interface RerunRequest {
  readonly jobId: string;
  /** As the slot is set up now, or as the job was. */
  readonly settings: 'current' | 'original';
  /** `performance.now()` when the request's head was complete: the window counts from here. */
  readonly arrivedAt: number;
}

/** What it needs to know of both jobs. */
interface Rerun {
  readonly actor: Actor;
  readonly request: RerunRequest;
  readonly rerunOf: string;
  readonly jobId: string;
  readonly source: JobWithOriginal;
  readonly original: KeptOriginal;
}

/**
 * Queues a new job with the original's photo; nobody waits for it. It counts against every cap. Where the slot keeps originals the
 * new job has one, too, which ends when the first one does: no photo is kept for longer because it was run again.
 *
 * @returns the ids of both jobs.
 * @throws DomainError `not_found`, `job_not_final`, `original_expired`, `slot_not_configured`, `unsupported_media_type` (the slot's
 * provider of today does not take the photo), `queue_busy`, `queue_unavailable`, `storage_unavailable`; nothing is left then.
 */
export async function rerunJob(deps: RerunDeps, actor: Actor, request: RerunRequest) {
  if (deps.isDraining()) throw stopping();
  const rerunOf = readJobId(request.jobId);
  const source = rerunOf === undefined ? undefined : await needDatabase(findJobWithOriginal(deps.db, rerunOf));
  if (rerunOf === undefined || source === undefined) throw jobNotFound();
  if (!source.isFinalized) throw new DomainError('job_not_final', 'The job is not finished yet. Wait, or cancel it.');
  if (source.original === undefined) throw originalGone();
  const setup = await needDatabase(findIngestSetup(deps.db, source.slotId));
  const slot = slotOfRerun(deps, source, setup, request.settings);
  await deps.store.assertFreeSpace();
  const jobId = newJobId(Date.now());
  const rerun: Rerun = { actor, request, rerunOf, jobId, source, original: source.original };
  const payloadPath = await takePhoto(deps, rerun);
  try {
    await enqueueRerun(deps, rerun, photoOf(rerun, slot, payloadPath), windowMsOf(deps, setup));
  } catch (error) {
    await deps.store.remove(payloadPath);
    throw error;
  }
  return { job_id: jobId, rerun_of: rerunOf };
}

const stopping = () =>
  new DomainError('queue_unavailable', 'The server is stopping and takes no new photos.', { retryAfterSeconds: 5 });

const windowMsOf = (deps: RerunDeps, setup: IngestSetup): number =>
  windowSecondsInForce(deps.limits.windowSeconds, setup.windowSeconds) * 1000;

/** The slot as the new job sees it. A slot that is switched off takes nothing, whatever the settings. */
function slotOfRerun(deps: RerunDeps, source: JobWithOriginal, setup: IngestSetup, settings: RerunRequest['settings']) {
  const wanted = settings === 'current' ? setup : { ...setup, slot: asItWas(source, setup.slot) };
  const { slot, provider } = usableSlot(deps, source.slotId, wanted);
  const { mimeTypes } = provider.description;
  const mimeType = source.original?.mimeType as ImageMimeType;
  if (!mimeTypes.includes(mimeType)) {
    throw new DomainError('unsupported_media_type', `The photo is ${mimeType}, which this slot does not take now.`, {
      details: { declared: mimeType, accepted: mimeTypes },
    });
  }
  return slot;
}

function asItWas(source: JobWithOriginal, slot: IngestSetup['slot']): IngestSetup['slot'] {
  if (slot === undefined) return undefined;
  const { settings, templates, links = [], repeatPaidCalls = 'when_uncertain' } = source.snapshot;
  return {
    ...slot,
    providerId: source.providerId,
    operationId: source.operationId,
    settings,
    fallback: links,
    repeatPaidCalls,
    templates: [templates, ...links.map((link) => link.templates)].flatMap((each = {}) =>
      Object.entries(each).flatMap(([key, copies]) => [copies].flat().map((copy) => ({ ...copy, key }))),
    ),
  };
}

/** The photo at the new job's place; proved whole, because the worker takes a photo of its own process as it is. */
async function takePhoto(deps: RerunDeps, { jobId, rerunOf, original }: Rerun): Promise<string> {
  if ((await deps.store.sha256Of(original.path)) !== original.sha256) {
    deps.log.warn({ job_id: rerunOf }, 'the original is gone or damaged');
    throw originalGone();
  }
  const payloadPath = await deps.store.payloadOfOriginal(jobId, original.path);
  if (payloadPath === undefined) throw originalGone();
  return payloadPath;
}

const photoOf = ({ rerunOf, source, original }: Rerun, slot: PhotoToEnqueue['slot'], payloadPath: string) => ({
  payloadPath,
  slot,
  metadata: { ...source.metadata, rerun_of: rerunOf },
  file: {
    sizeBytes: original.sizeBytes,
    sha256: original.sha256,
    facts: { mimeType: original.mimeType as ImageMimeType },
  },
});

async function enqueueRerun(deps: RerunDeps, rerun: Rerun, photo: PhotoToEnqueue, windowMs: number): Promise<void> {
  const { jobId, request, original } = rerun;
  const path = photo.slot.keepOriginalHours > 0 ? await keepFile(deps, jobId, photo.payloadPath) : undefined;
  const kept = path === undefined ? undefined : { path, lifetime: { until: original.expiresAt } };
  const elapsedMs = () => performance.now() - request.arrivedAt;
  const enqueue: Enqueue = (job) =>
    transaction(deps.db, async (step) => {
      const outcome = await enqueueWithin(step, job, kept);
      if (outcome.outcome === 'created' || outcome.outcome === 'claimed') await tell(step, rerun, photo.slot.id);
      return outcome;
    });
  try {
    await enqueuePhoto(deps, jobId, photo, { windowMs, elapsedMs }, enqueue);
  } catch (error) {
    if (path !== undefined) await dropOriginal(deps, jobId, path);
    throw error;
  }
}

const tell = (step: Parameters<typeof recordAudit>[0], { actor, jobId, rerunOf, request }: Rerun, slotId: string) =>
  recordAudit(step, actor, {
    action: 'job.rerun',
    objectType: 'job',
    objectId: rerunOf,
    details: { slot_id: slotId, job_id: jobId, settings: request.settings },
  });
