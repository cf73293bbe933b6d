import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { type CancelledJob, cancelUnfinished } from '../../repositories/job-changes.ts';
import { findJob } from '../../repositories/job-lists.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { jobNotFound } from './job-faults.ts';
import { readJobId } from './job-id.ts';
import { jobView } from './job-view.ts';
import type { JobsDeps } from './list-jobs.ts';

/** What cancelling needs. Outside of a server there is neither a worker nor a held request. */
export interface CancelDeps extends JobsDeps, Pick<IngestDeps, 'store' | 'meter'> {
  readonly worker: Pick<NonNullable<IngestDeps['worker']>, 'abort'> | undefined;
  readonly held: Pick<IngestDeps['held'], 'wake'> | undefined;
  readonly log: Pick<IngestDeps['log'], 'warn'>;
}

/**
 * Ends an unfinished job as `cancelled`. Whoever holds its request, in whichever process, answers at once; a call to a provider is
 * aborted wherever it is made; the photo goes. Of a cancellation and a picture that come at the same time exactly one counts.
 *
 * @returns the job as it is now.
 * @throws DomainError `job_final` (with `details.failure_reason`, null for a success), `not_found`, `queue_unavailable`.
 */
export async function cancelJob(deps: CancelDeps, actor: Actor, id: string) {
  const jobId = readJobId(id);
  if (jobId === undefined) throw jobNotFound();
  const cancelled = await needDatabase(cancelInDatabase(deps, actor, jobId));
  if (cancelled !== undefined) await tidyUp(deps, jobId, cancelled);
  const record = await needDatabase(findJob(deps.db, jobId));
  if (record === undefined) throw jobNotFound();
  if (cancelled === undefined) {
    throw new DomainError('job_final', 'The job is finished; there is nothing left to cancel.', {
      details: { job_id: jobId, failure_reason: record.failureReason },
    });
  }
  return jobView(record, deps.publicBaseUrl());
}

const cancelInDatabase = (deps: CancelDeps, actor: Actor, jobId: string): Promise<CancelledJob | undefined> =>
  transaction(deps.db, async (step) => {
    const cancelled = await cancelUnfinished(step, jobId, `cancelled by ${actor.name}`);
    if (cancelled !== undefined) {
      const details = { slot_id: cancelled.slotId };
      await recordAudit(step, actor, { action: 'job.cancelled', objectType: 'job', objectId: jobId, details });
    }
    return cancelled;
  });

/** Other processes hear of it by the database's notification; this one need not wait for it. */
async function tidyUp(deps: CancelDeps, jobId: string, { providerId, payloadPath }: CancelledJob): Promise<void> {
  deps.meter?.jobEnded(providerId, 'cancelled');
  deps.worker?.abort(jobId);
  deps.held?.wake(jobId, { kind: 'look' });
  if (payloadPath === null) return;
  await deps.store
    .remove(payloadPath)
    .catch((error: unknown) => deps.log.warn({ job_id: jobId, err: error }, 'payload not removed'));
}
