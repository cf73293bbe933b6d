/** Finishing what no living process looks after. */
import { sweepJobs } from '../repositories/job-queue.ts';
import { rerouteJobs } from '../repositories/lanes.ts';
import { endJobsOfExpiredMedia } from '../repositories/media-retention.ts';
import { removeOverMedia } from './over-media.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** What a sweep needs. */
export type SweepDeps = Pick<WorkerDeps, 'db' | 'store' | 'held' | 'log' | 'meter'>;

/**
 * One sweep: jobs that wait for a provider which is down, or too busy, go on to the next one of their chain; closed windows become `timeout`, jobs of dead workers go back to the queue, pictures under public links that are over
 * go. Runs every second in every process, also
 * where no worker runs; safe beside any number of others.
 */
export async function sweep(deps: SweepDeps, leaseMs: number): Promise<void> {
  const rerouted = await rerouteJobs(deps.db);
  if (rerouted > 0) deps.meter?.jobsRerouted(rerouted);
  if (rerouted > 0) deps.log.warn({ jobs: rerouted }, 'waiting jobs went on to the next provider of their chain');
  for (const job of await sweepJobs(deps.db, leaseMs)) {
    deps.log.warn({ job_id: job.id, outcome: job.outcome }, 'swept');
    if (job.outcome === 'reclaimed') deps.meter?.jobReclaimed();
    else deps.meter?.jobEnded(job.providerId, job.outcome === 'failed' ? 'provider_error' : job.outcome);
    if (job.outcome !== 'reclaimed') deps.held.wake(job.id, { kind: 'look' });
    await removePayload(deps, job);
  }
  for (const job of await endJobsOfExpiredMedia(deps.db)) {
    deps.log.warn({ job_id: job.id, outcome: 'timeout' }, 'a public link of the job was over');
    deps.meter?.jobEnded(job.providerId, 'timeout');
    deps.held.wake(job.id, { kind: 'look' });
    await removePayload(deps, job);
  }
  deps.meter?.cleanedUp({ mediaObjects: await removeOverMedia(deps) });
}

async function removePayload(deps: SweepDeps, job: { id: string; payloadPath: string | null }): Promise<void> {
  if (job.payloadPath === null) return;
  await deps.store
    .remove(job.payloadPath)
    .catch((error: unknown) => deps.log.warn({ job_id: job.id, err: error }, 'payload not removed'));
}
