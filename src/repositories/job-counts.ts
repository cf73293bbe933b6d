/** How many jobs there are, exactly and without reading them. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';
import type { FailureReason } from '../domain/job.ts';

/** Which jobs are counted; what is left out may be anything. */
export interface JobCountFilter {
  readonly slotId?: string | undefined;
  readonly status?: 'pending' | 'processing' | undefined;
  readonly isFinalized?: boolean | undefined;
  readonly failureReason?: FailureReason | undefined;
}

/**
 * Counts the jobs that the table holds now. Those that ended in hours that are over were counted when the hours were rolled; the
 * others are read by index. Takes the same time whatever the number of jobs.
 */
export async function countJobs(db: Pick<Db, 'kysely'>, filter: JobCountFilter = {}): Promise<number> {
  const { slotId = null, status = null, isFinalized = null, failureReason = null } = filter;
  const { rows } = await sql<{ count: number }>`
    select job_count(${slotId}, ${status}, ${isFinalized}, ${failureReason}) as count`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}
