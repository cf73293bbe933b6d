import type { Db } from '../../db/db.ts';
import { countJobs, type JobCountFilter } from '../../repositories/job-counts.ts';
import { type JobListing, type JobRecord, listJobs as readJobs } from '../../repositories/job-lists.ts';
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

/** From here on it matters from which end a page is looked for. */
const FAR = 1_000;

/** One page of jobs, without what stations sent along with them. @throws DomainError `queue_unavailable` */
export async function listJobs({ db, publicBaseUrl }: JobsDeps, query: JobListQuery) {
  const { filter, page, pageSize, sortBy, sortOrder } = query;
  const listing = { sortBy, sortOrder, limit: pageSize, offset: (page - 1) * pageSize };
  const [records, total] = await needDatabase(
    listing.offset < FAR
      ? Promise.all([readJobs(db, filter, listing), countJobs(db, filter)] as const)
      : readFarPage(db, filter, listing),
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

/** A page near the end is read from the end: the last one costs no more than the first. */
async function readFarPage(
  db: Db,
  filter: JobCountFilter,
  listing: JobListing,
): Promise<readonly [JobRecord[], number]> {
  const total = await countJobs(db, filter);
  const { offset, limit, sortOrder } = listing;
  const left = Math.min(limit, total - offset);
  if (left <= 0) return [[], total];
  const behind = total - offset - left;
  if (behind >= offset) return [await readJobs(db, filter, listing), total];
  const backwards = sortOrder === 'asc' ? 'desc' : 'asc';
  const records = await readJobs(db, filter, { ...listing, sortOrder: backwards, limit: left, offset: behind });
  return [records.reverse(), total];
}
