import { isConnectionFault } from '../repositories/connection-fault.ts';
import { failJob } from '../repositories/job-queue.ts';
import { type RunEnd, runJob } from './run-job.ts';
import type { RunningJob } from './running-job.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** Runs a job, says in the log how it ended, removes its photo, and wakes its waiter. Never rejects. */
export async function work(deps: WorkerDeps, running: RunningJob): Promise<void> {
  const { job } = running;
  const startedAt = performance.now();
  const facts = { job_id: job.id, slot_id: job.slotId, provider_id: job.providerId, claim_no: job.claimNo };
  try {
    const outcome = await runJob(deps, running);
    const duration_ms = Math.round(performance.now() - startedAt);
    deps.log.info({ ...facts, outcome, duration_ms, stages_ms: running.stages.durationsMs() }, 'job run ended');
    tellMeter(deps, job.providerId, outcome);
    if (outcome === 'succeeded' || outcome === 'failed') await removePayload(deps, running);
    if (outcome !== 'succeeded') deps.held.wake(job.id, { kind: 'look' });
  } catch (error) {
    if (running.stop.aborted) {
      deps.log.info({ ...facts, outcome: 'stopped', why: (running.stop.reason as Error).message }, 'job run stopped');
      deps.held.wake(job.id, { kind: 'look' });
      return;
    }
    deps.log.error({ ...facts, err: error }, 'job run failed');
    await endFaulty(deps, running, error);
  }
}

/**
 * A fault of the program would only repeat itself, and each time a call may be paid for: the job ends here. Where the database
 * is what fails, the lease runs out and another worker takes the job.
 */
async function endFaulty(deps: WorkerDeps, running: RunningJob, error: unknown): Promise<void> {
  const { job, claim } = running;
  if (isConnectionFault(error)) return;
  try {
    // a claim that was lost meanwhile leaves the photo to whoever holds the job now
    const isMine = await failJob(deps.db, claim, 'the server made a mistake; its log holds the details');
    if (isMine) {
      tellMeter(deps, job.providerId, 'failed');
      await removePayload(deps, running);
    }
  } catch (fault) {
    deps.log.warn({ job_id: job.id, err: fault }, 'failure not recorded; the sweep will');
  }
  deps.held.wake(job.id, { kind: 'look' });
}

function tellMeter({ meter }: WorkerDeps, providerId: string, end: RunEnd): void {
  if (end === 'succeeded') meter?.jobEnded(providerId, 'succeeded');
  if (end === 'failed') meter?.jobEnded(providerId, 'provider_error');
  if (end === 'late') meter?.lateAnswerRefused();
}

// whoever holds the request removes the photo too; removing twice is harmless, never removing is not
async function removePayload(deps: WorkerDeps, { job }: RunningJob): Promise<void> {
  await deps.store
    .remove(job.payloadPath)
    .catch((error: unknown) => deps.log.warn({ job_id: job.id, err: error }, 'payload not removed'));
}
