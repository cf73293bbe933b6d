/** Finishing what no living process looks after. */
import { sweepJobs } from '../repositories/job-queue.ts';
import type { WorkerDeps } from './worker-deps.ts';

/**
 * One sweep: closed windows become `timeout`, jobs of dead workers go back to the queue. Runs every second in every process, also
 * where no worker runs; safe beside any number of others.
 */
export async function sweep(deps: Pick<WorkerDeps, 'db' | 'store' | 'held' | 'log'>, leaseMs: number): Promise<void> {
  for (const job of await sweepJobs(deps.db, leaseMs)) {
    deps.log.warn({ job_id: job.id, outcome: job.outcome }, 'swept');
    if (job.outcome !== 'reclaimed') deps.held.wake(job.id, { kind: 'look' });
    if (job.payloadPath !== null) {
      await deps.store
        .remove(job.payloadPath)
        .catch((error: unknown) => deps.log.warn({ job_id: job.id, err: error }, 'payload not removed'));
    }
  }
}
