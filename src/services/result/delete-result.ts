import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import type { MediaStore } from '../../media/store.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { type ForgottenResult, forgetResult } from '../../repositories/job-changes.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { jobNotFound } from '../job/job-faults.ts';
import { readJobId } from '../job/job-id.ts';

/** What deleting a result needs. */
export interface DeleteResultDeps {
  readonly db: Db;
  readonly store: Pick<MediaStore, 'removeResult'>;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Deletes a job's picture and its thumbnail before their time; the job stays, its public link is 410. The row comes first, the
 * files after it: what a crash or a broken disk leaves has no row, so nobody gets it and the sweep for orphans takes it. A result that
 * is gone already is fine.
 *
 * @throws DomainError `not_found`, `result_not_found` (unfinished or failed job), `queue_unavailable`.
 */
export async function deleteResult(deps: DeleteResultDeps, actor: Actor, id: string): Promise<void> {
  const jobId = readJobId(id);
  if (jobId === undefined) throw jobNotFound();
  const result = await needDatabase(forget(deps.db, actor, jobId));
  if (result.found === 'nothing') throw jobNotFound();
  if (result.found === 'no result') throw new DomainError('result_not_found', 'This job has made no picture.');
  if (result.found !== 'result') return;
  await deps.store
    .removeResult(result.path)
    .catch((error: unknown) => deps.log.warn({ job_id: jobId, err: error }, 'deleted result not removed yet'));
}

const forget = (db: Db, actor: Actor, jobId: string): Promise<ForgottenResult> =>
  transaction(db, async (step) => {
    const result = await forgetResult(step, jobId);
    if (result.found === 'result') {
      const details = { slot_id: result.slotId };
      await recordAudit(step, actor, { action: 'result.deleted', objectType: 'job', objectId: jobId, details });
    }
    return result;
  });
