import type { Db } from '../../db/db.ts';
import { countJobs, type JobCountFilter } from '../../repositories/job-counts.ts';
import { type JobListing, listJobs as readJobs } from '../../repositories/job-lists.ts';
import { needDatabase } from '../database-fault.ts';
import { jobView } from './job-view.ts';

/** What reading jobs needs. */
export interface JobsDeps {
  readonly db: Db;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
}

/** Which jobs, in which order, and which page of them. */
export interface JobListQuery extends Pick<JobListing, 'sortBy' | 'sortOrder'> {
  readonly filter: JobCountFilter;
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
}

/** One page of jobs, without what stations sent along with them. @throws DomainError `queue_unavailable` */
export async function listJobs({ db, publicBaseUrl }: JobsDeps, query: JobListQuery) {
  const { filter, page, pageSize, sortBy, sortOrder } = query;
  const listing = { sortBy, sortOrder, limit: pageSize, offset: (page - 1) * pageSize };
  const [records, total] = await needDatabase(
    Promise.all([readJobs(db, filter, listing), countJobs(db, filter)] as const),
  );
  const baseUrl = publicBaseUrl();
  return {
    data: records.map((record) => {
      const { job, ...view } = jobView(record, baseUrl);
      const { metadata: _, ...shown } = job;
      return { job: shown, ...view };
    }),
    meta: { page, page_size: pageSize, total },
  };
}
