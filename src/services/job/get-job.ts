import { findJob } from '../../repositories/job-lists.ts';
import { needDatabase } from '../database-fault.ts';
import { jobNotFound } from './job-faults.ts';
import { readJobId } from './job-id.ts';
import { jobView } from './job-view.ts';
import type { JobsDeps } from './list-jobs.ts';

/** One job. @throws DomainError `not_found`, also for a text that is no id; `queue_unavailable`. */
export async function getJob({ db, publicBaseUrl }: JobsDeps, id: string) {
  const jobId = readJobId(id);
  const record = jobId === undefined ? undefined : await needDatabase(findJob(db, jobId));
  if (record === undefined) throw jobNotFound();
  return jobView(record, publicBaseUrl());
}
