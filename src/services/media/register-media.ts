/** Putting a picture under a short-lived public link, for services that fetch by address. */
import type { Actor } from '../../domain/actor.ts';
import { windowSecondsInForce } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ReceiveUpload } from '../../media/upload.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { findJobForMedia, findMediaLoad, insertMediaObject, type MediaLoad } from '../../repositories/media-objects.ts';
import { listSettings } from '../../repositories/settings.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import type { MediaDeps } from './media-deps.ts';
import { type FormFields, faultOf, invalidForm, KEPT_TYPES, keepPicture, receivePicture } from './receive-picture.ts';

/** Live links at once, and new ones a minute: far above what a full queue needs, far below what fills a disk. */
const LIVE_MAX = 1_000;
const PER_MINUTE_MAX = 600;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A picture under a public link. */
export interface MediaLink {
  readonly id: string;
  readonly publicUrl: string;
  readonly expiresAt: Date;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly jobId: string | null;
}

/**
 * Registers a picture. The link ends with its job, or where it has none after the window in force; nothing extends it.
 *
 * @throws DomainError `invalid_payload`, `not_found` (no such job), `job_final`, `payload_too_large`, `unsupported_media_type`,
 * `rate_limited`, `queue_unavailable`, `storage_unavailable`; no file and no row is left then.
 */
export async function registerMedia(
  deps: MediaDeps,
  actor: Actor,
  request: { readonly receiveUpload: ReceiveUpload; readonly signal: AbortSignal },
): Promise<MediaLink> {
  demandRoom(await needDatabase(findMediaLoad(deps.db)));
  const { fields, picture } = await receivePicture(deps, {
    ...request,
    textFields: ['job_id'],
    admit: async (given) => {
      const jobId = jobIdOf(given);
      if (jobId !== undefined) await needDatabase(demandOpenJob(deps.db, jobId));
      return KEPT_TYPES;
    },
  });
  const jobId = jobIdOf(fields);
  return keepPicture(deps, 'public', picture, (kept) =>
    needDatabase(
      transaction(deps.db, async (step) => {
        demandRoom(await findMediaLoad(step, true));
        const windowMs = await windowMsInForce(step, deps.windowSeconds);
        const expiresAt = await insertMediaObject(step, { ...kept, jobId, createdBy: actor.name }, windowMs);
        if (expiresAt === undefined) throw jobFinal(jobId);
        await recordAudit(step, actor, {
          action: 'media.registered',
          objectType: 'media_object',
          objectId: kept.id,
          details: { job_id: jobId ?? null, mime: kept.mimeType, size_bytes: kept.sizeBytes },
        });
        const { id, mimeType, sizeBytes } = kept;
        const publicUrl = `${deps.publicBaseUrl()}/public/media/${id}`;
        return { id, publicUrl, expiresAt, mimeType, sizeBytes, jobId: jobId ?? null };
      }),
    ),
  );
}

function jobIdOf(fields: FormFields): string | undefined {
  const jobId = fields.get('job_id');
  if (jobId === undefined || UUID.test(jobId)) return jobId?.toLowerCase();
  throw invalidForm([faultOf('job_id', 'must be a UUID', 'format')]);
}

async function demandOpenJob(db: Step, jobId: string): Promise<void> {
  const state = await findJobForMedia(db, jobId);
  if (state === 'unknown') throw new DomainError('not_found', 'There is no such job.', { details: { job_id: jobId } });
  if (state === 'final') throw jobFinal(jobId);
}

const jobFinal = (jobId: string | undefined) =>
  new DomainError('job_final', 'The job is over: it takes no media any more.', { details: { job_id: jobId } });

function demandRoom({ live, ofLastMinute, nextEndSeconds, nextMinuteSeconds }: MediaLoad): void {
  if (live >= LIVE_MAX) throw tooMany(`There are ${live} live links already.`, nextEndSeconds);
  if (ofLastMinute >= PER_MINUTE_MAX)
    throw tooMany(`${ofLastMinute} links were made in the last minute.`, nextMinuteSeconds);
}

const tooMany = (why: string, waitSeconds: number) =>
  new DomainError('rate_limited', `${why} Wait until some of them are over.`, {
    retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)),
  });

async function windowMsInForce(db: Step, windowSeconds: number): Promise<number> {
  const setting = (await listSettings(db)).get('sync_response_timeout_sec')?.value;
  return windowSecondsInForce(windowSeconds, typeof setting === 'number' ? setting : undefined) * 1_000;
}
