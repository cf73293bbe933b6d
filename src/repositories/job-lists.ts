/** Lists of jobs, and single jobs as administrators see them. */
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/db.ts';
import { type FailureReason, mayStep } from '../domain/job.ts';
import { SLOT_IDS } from '../domain/slots.ts';
import { JOB_COST, type JobCost } from './job-calls.ts';
import type { JobCountFilter } from './job-counts.ts';
import type { PageWindow } from './results.ts';

/** How many rows a loop over the slots may read of each. */
const MERGE_FROM = 1_000;

/** In which order, and which part of it. */
export interface JobListing extends PageWindow {
  readonly sortBy: 'created_at' | 'expires_at';
  readonly sortOrder: 'asc' | 'desc';
}

/** A job's row, its original's end, and the database's time when both were read. */
export interface JobRecord {
  readonly id: string;
  readonly slotId: string;
  readonly providerId: string;
  readonly operationId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: 'pending' | 'processing';
  readonly isFinalized: boolean;
  readonly failureReason: FailureReason | null;
  readonly failureMessage: string | null;
  readonly claimNo: number;
  readonly attemptNo: number;
  /** Which link of the chain it is at, or ended at. */
  readonly linkNo: number;
  readonly isTest: boolean;
  readonly cost: JobCost;
  readonly providerJobReference: string | null;
  readonly payloadPath: string | null;
  readonly resultPath: string | null;
  readonly resultMimeType: string | null;
  readonly resultSizeBytes: number | null;
  readonly resultChecksum: string | null;
  readonly resultProviderId: string | null;
  readonly resultExpiresAt: Date | null;
  /** Null where no original is kept any more. */
  readonly originalExpiresAt: Date | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly startedAt: Date | null;
  readonly updatedAt: Date;
  readonly finalizedAt: Date | null;
  readonly readAt: Date;
}

const COLUMNS =
  sql.raw(`j.id, j.slot_id as "slotId", j.provider_id as "providerId", j.operation_id as "operationId", j.metadata,
  j.status, j.is_finalized as "isFinalized", j.failure_reason as "failureReason", j.failure_message as "failureMessage",
  j.claim_no as "claimNo", j.attempt_no as "attemptNo", j.link_no as "linkNo", j.is_test as "isTest", ${JOB_COST}, j.provider_job_reference as "providerJobReference",
  j.payload_path as "payloadPath", j.result_file_path as "resultPath", j.result_mime_type as "resultMimeType",
  j.result_size_bytes as "resultSizeBytes", j.result_checksum as "resultChecksum", j.result_provider_id as "resultProviderId",
  j.result_expires_at as "resultExpiresAt", o.expires_at as "originalExpiresAt", j.created_at as "createdAt",
  j.expires_at as "expiresAt", j.started_at as "startedAt", j.updated_at as "updatedAt", j.finalized_at as "finalizedAt",
  clock_timestamp() as "readAt"`);

const ORIGINAL = sql.raw('left join job_original o on o.job_id = j.id and o.expires_at > now()');

/**
 * One page of jobs; jobs of the same time are in the order of their ids. The first pages take a few milliseconds for every filter
 * and order, whatever the number of jobs: each branch of the union delivers in order, from an index, and only what is shown is read.
 */
export async function listJobs(
  db: Pick<Db, 'kysely'>,
  filter: JobCountFilter,
  listing: JobListing,
): Promise<JobRecord[]> {
  const branches = [...finishedBranches(filter, listing), ...openBranch(filter, listing)];
  if (branches.length === 0) return [];
  const order = sql.raw(listing.sortOrder);
  const { rows } = await sql<JobRecord>`
    with page as materialized (
      select id, at from (${sql.join(branches, sql` union all `)}) found
      order by at ${order}, id ${order} limit ${listing.limit} offset ${listing.offset}
    )
    select ${COLUMNS} from page join job j using (id) ${ORIGINAL} order by page.at ${order}, page.id ${order}`.execute(
    db.kysely,
  );
  return rows;
}

/** One job; undefined when there is none. */
export async function findJob(db: Pick<Db, 'kysely'>, jobId: string): Promise<JobRecord | undefined> {
  const { rows } = await sql<JobRecord>`select ${COLUMNS} from job j ${ORIGINAL} where j.id = ${jobId}`.execute(
    db.kysely,
  );
  return rows[0];
}

/**
 * Each slot by itself, because every list index begins with it. Up to {@link MERGE_FROM} rows the 15 slots are one loop, which is
 * planned in 0.5 ms instead of 2.3; it reads each slot as far as the page may reach, so later pages are merged from 15 branches.
 */
function finishedBranches(filter: JobCountFilter, listing: JobListing): RawBuilder<unknown>[] {
  if (filter.isFinalized === false) return [];
  const { slotId, status, failureReason } = filter;
  // no such end exists, and to find none every job that ended while it waited would be looked at
  if (status === 'pending' && failureReason !== undefined && !mayStep('pending', failureReason)) return [];
  const conditions = [
    sql`is_finalized`,
    ...(status === undefined ? [] : [sql`status = ${sql.lit(status)}`]),
    ...(failureReason === undefined ? [] : [sql`failure_reason = ${sql.lit(failureReason)}`]),
  ];
  const ofSlot = (slot: RawBuilder<unknown>) => branchOf([sql`slot_id = ${slot}`, ...conditions], listing);
  if (slotId !== undefined) return [ofSlot(sql`${slotId}`)];
  if (listing.offset + listing.limit > MERGE_FROM) return SLOT_IDS.map((slot) => ofSlot(sql`${slot}`));
  return [
    sql`(select f.id, f.at from unnest(${SLOT_IDS}::text[]) as s (id) cross join lateral ${ofSlot(sql.ref('s.id'))} as f)`,
  ];
}

/** The unfinished are few: they are sorted. */
function openBranch(filter: JobCountFilter, listing: JobListing): RawBuilder<unknown>[] {
  if (filter.isFinalized === true || filter.failureReason !== undefined) return [];
  const { slotId, status } = filter;
  const conditions = [
    sql`not is_finalized`,
    ...(slotId === undefined ? [] : [sql`slot_id = ${slotId}`]),
    ...(status === undefined ? [] : [sql`status = ${sql.lit(status)}`]),
  ];
  return [branchOf(conditions, listing)];
}

/** A branch names its order and its limit itself: only then does the planner take it from an index, and as much as is asked for. */
const branchOf = (conditions: readonly RawBuilder<unknown>[], { sortBy, sortOrder, limit, offset }: JobListing) =>
  sql`(select id, ${sql.ref(sortBy)} as at from job where ${sql.join(conditions, sql` and `)}
    order by ${sql.ref(sortBy)} ${sql.raw(sortOrder)}, id ${sql.raw(sortOrder)} limit ${limit + offset})`;
