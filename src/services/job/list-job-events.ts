import { type JobEvent, listJobEvents as readEvents } from '../../repositories/processing-log.ts';
import { needDatabase } from '../database-fault.ts';
import { jobNotFound } from './job-faults.ts';
import { readJobId } from './job-id.ts';
import type { JobsDeps } from './list-jobs.ts';

/** A job makes a handful; the rest is a cap for whoever reads them. */
const EVENTS_MAX = 500;

/** What happened to a job, in order. @throws DomainError `not_found`, `queue_unavailable`. */
export async function listJobEvents({ db }: Pick<JobsDeps, 'db'>, id: string) {
  const jobId = readJobId(id);
  const events = jobId === undefined ? undefined : await needDatabase(readEvents(db, jobId, EVENTS_MAX));
  if (events === undefined) throw jobNotFound();
  return { data: events.map(eventView) };
}

const eventView = (event: JobEvent) => ({
  id: event.id,
  job_id: event.jobId,
  slot_id: event.slotId,
  status: event.status,
  occurred_at: event.occurredAt.toISOString(),
  since_job_created_ms: event.sinceCreatedMs,
  message: event.message,
  provider_latency_ms: event.providerLatencyMs,
  details: event.details,
});
