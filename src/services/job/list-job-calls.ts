import { type JobCall, listJobCalls as readCalls } from '../../repositories/job-calls.ts';
import { needDatabase } from '../database-fault.ts';
import { jobNotFound } from './job-faults.ts';
import { readJobId } from './job-id.ts';
import type { JobsDeps } from './list-jobs.ts';

/** A job makes a handful; the rest is a cap for whoever reads them. */
const CALLS_MAX = 100;

/** The calls that were made for a job and have ended, in order. @throws DomainError `not_found`, `queue_unavailable`. */
export async function listJobCalls({ db }: Pick<JobsDeps, 'db'>, id: string) {
  const jobId = readJobId(id);
  const calls = jobId === undefined ? undefined : await needDatabase(readCalls(db, jobId, CALLS_MAX));
  if (calls === undefined) throw jobNotFound();
  return { data: calls.map(callView) };
}

const callView = (call: JobCall) => ({
  attempt_no: call.attemptNo,
  fallback_no: call.linkNo,
  claim_no: call.claimNo,
  provider_id: call.providerId,
  model: call.model,
  outcome: call.outcome,
  charged: call.charged,
  price: call.price,
  latency_ms: call.latencyMs,
  ended_at: call.endedAt.toISOString(),
});
