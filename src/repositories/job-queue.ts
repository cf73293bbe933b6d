/**
 * The queue's hot statements: one database function per step, called by name. The guarantees are the functions' own
 * (`src/db/migrations/0003-queue-functions.ts`): every step of a worker carries its claim, and `false` or an absent row means the
 * claim no longer counts.
 */
import { type Db, runNamed } from '../db/db.ts';
import type { FailureReason, JobSnapshot } from '../domain/job.ts';
import { callArgument, type ProviderCall } from './provider-call.ts';

/** A worker's hold on a job: the fencing token and who holds it. */
export interface Claim {
  readonly jobId: string;
  readonly claimNo: number;
  readonly workerId: string;
}

/** A job in the hands of a worker. */
export interface ClaimedJob {
  readonly id: string;
  readonly slotId: string;
  readonly providerId: string;
  readonly operationId: string;
  readonly snapshot: JobSnapshot;
  readonly payloadPath: string;
  readonly claimNo: number;
  /** The first claim counts its call; a later one reserves it before it is made. */
  readonly attemptNo: number;
  /** Which link of the chain it is at. */
  readonly linkNo: number;
  readonly isTest: boolean;
  readonly providerJobReference: string | null;
  /** Until the window closes, when the statement ran; count it down on the monotonic clock. */
  readonly leftMs: number;
  /** Since the photo arrived, when the statement ran. */
  readonly waitedMs: number;
}

interface ClaimRow {
  id: string;
  slot_id: string;
  provider_id: string;
  operation_id: string;
  snapshot: JobSnapshot;
  payload_path: string;
  claim_no: number;
  attempt_no: number;
  link_no: number;
  is_test: boolean;
  provider_job_reference: string | null;
  left_ms: number;
  waited_ms: number;
}

/** Takes up to `count` jobs of a provider's lane, within its limits, fair over slots; only jobs among `only`, where given. */
export async function claimJobs(
  db: Db,
  want: { providerId: string; workerId: string; count: number; leaseMs: number; only?: readonly string[] },
): Promise<ClaimedJob[]> {
  const rows = await runNamed<ClaimRow>(db, {
    name: 'job_claim',
    // the function sees jobs that came after this statement began, which the look at their rows does not: those have not waited
    text: `select c.*, coalesce(extract(epoch from clock_timestamp() - j.created_at)::float8 * 1000, 0) as waited_ms
      from job_claim($1, $2, $3, $4, $5) c left join lateral (select created_at from job where id = c.id limit 1) j on true`,
    values: [want.providerId, want.workerId, want.count, want.leaseMs, want.only ?? null],
  });
  return rows.map((row) => ({
    id: row.id,
    slotId: row.slot_id,
    providerId: row.provider_id,
    operationId: row.operation_id,
    snapshot: row.snapshot,
    payloadPath: row.payload_path,
    claimNo: row.claim_no,
    attemptNo: row.attempt_no,
    linkNo: row.link_no,
    isTest: row.is_test,
    providerJobReference: row.provider_job_reference,
    leftMs: row.left_ms,
    waitedMs: row.waited_ms,
  }));
}

/** Whether one more call may be made now. */
export type ReserveOutcome =
  | { readonly outcome: 'granted'; readonly attemptNo: number }
  | { readonly outcome: 'wait'; readonly waitMs: number }
  /** The provider is down, or its quota used up, for at least so long. */
  | { readonly outcome: 'barred'; readonly waitMs: number; readonly why: string }
  | { readonly outcome: 'over budget' }
  | { readonly outcome: 'lost' };

/** What a call is reserved for. */
interface CallTerms {
  /** Which link of the job's chain is called. Default: the slot's own. */
  readonly linkNo?: number;
  readonly model?: string;
  /** What the slot may spend in a day. */
  readonly dailyBudget?: number | undefined;
  /** How many calls of the job its worker knows of. With it the statement may be repeated after a lost reply. */
  readonly callsSoFar?: number;
}

/** Reserves one more call (a retry or a fallback) in a provider's limits; nothing is called without it. */
export async function reserveCall(
  db: Db,
  claim: Claim,
  providerId: string,
  { linkNo = 0, model = '*', dailyBudget, callsSoFar }: CallTerms = {},
): Promise<ReserveOutcome> {
  const rows = await runNamed<{
    outcome: string;
    attempt_no: number | null;
    wait_ms: number | null;
    why: string | null;
  }>(db, {
    name: 'job_reserve_call',
    text: 'select * from job_reserve_call($1, $2, $3, $4, $5, $6, $7, $8)',
    values: [
      claim.jobId,
      claim.claimNo,
      claim.workerId,
      providerId,
      linkNo,
      model,
      dailyBudget ?? null,
      callsSoFar ?? null,
    ],
  });
  const row = rows[0];
  const waitMs = Number(row?.wait_ms);
  switch (row?.outcome) {
    case 'granted':
      return { outcome: 'granted', attemptNo: Number(row.attempt_no) };
    case 'wait':
      return { outcome: 'wait', waitMs };
    case 'barred':
      return { outcome: 'barred', waitMs, why: row.why ?? 'not available' };
    case 'over_budget':
      return { outcome: 'over budget' };
    default:
      return { outcome: 'lost' };
  }
}

/** Stores the provider's ticket before its first poll. @returns whether the claim still counts. */
export async function keepTicket(db: Db, claim: Claim, reference: string): Promise<boolean> {
  const rows = await runNamed<{ kept: boolean }>(db, {
    name: 'job_keep_ticket',
    text: 'select job_keep_ticket($1, $2, $3, $4) as kept',
    values: [claim.jobId, claim.claimNo, claim.workerId, reference],
  });
  return rows[0]?.kept === true;
}

/** Renews the leases of one process in one statement. @returns the ids still held; any other call is to be aborted at once. */
export async function renewLeases(
  db: Db,
  workerId: string,
  claims: readonly Claim[],
  leaseMs: number,
): Promise<Set<string>> {
  const rows = await runNamed<{ id: string }>(db, {
    name: 'job_heartbeat',
    text: 'select job_heartbeat($1, $2, $3, $4) as id',
    values: [workerId, claims.map((claim) => claim.jobId), claims.map((claim) => claim.claimNo), leaseMs],
  });
  return new Set(rows.map((row) => row.id));
}

/** A result that is safe on disk. */
export interface StoredOutcome {
  /** The call that brought it. */
  readonly call: ProviderCall;
  readonly charged: 'no' | 'maybe' | 'yes';
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly retentionHours: number;
  readonly providerLatencyMs: number;
}

/** Finalises with a result. May be told twice. @returns false when it came too late: the caller deletes the file it stored. */
export async function succeedJob(db: Db, claim: Claim, result: StoredOutcome): Promise<boolean> {
  const rows = await runNamed<{ won: boolean }>(db, {
    name: 'job_succeed',
    text: 'select job_succeed($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as won',
    values: [
      claim.jobId,
      claim.claimNo,
      claim.workerId,
      callArgument(result.call),
      result.charged,
      result.path,
      result.mimeType,
      result.sizeBytes,
      result.sha256,
      result.retentionHours,
      Math.round(result.providerLatencyMs),
    ],
  });
  return rows[0]?.won === true;
}

/** Finalises as `provider_error`. @returns false when it came too late. */
export async function failJob(db: Db, claim: Claim, message: string): Promise<boolean> {
  const rows = await runNamed<{ won: boolean }>(db, {
    name: 'job_fail',
    text: 'select job_fail($1, $2, $3, $4) as won',
    values: [claim.jobId, claim.claimNo, claim.workerId, message],
  });
  return rows[0]?.won === true;
}

/** Ends an unfinished job from outside its claim. @returns whether this call ended it. */
export async function endJob(
  db: Db,
  end: { jobId: string; reason: FailureReason; message: string; onlyWaiting: boolean },
): Promise<boolean> {
  const rows = await runNamed<{ ended: boolean }>(db, {
    name: 'job_end',
    text: 'select job_end($1, $2, $3, $4) as ended',
    values: [end.jobId, end.reason, end.message, end.onlyWaiting],
  });
  return rows[0]?.ended === true;
}

/**
 * Hands jobs back that were claimed but need another process.
 *
 * @param isUntouched the calls that these claims counted were never made, so nothing can have been charged for them.
 * @returns the ids that went back to the queue.
 */
export async function releaseJobs(
  db: Db,
  workerId: string,
  claims: readonly Claim[],
  { isUntouched = false }: { isUntouched?: boolean } = {},
): Promise<string[]> {
  const rows = await runNamed<{ id: string }>(db, {
    name: 'job_release',
    text: 'select job_release($1, $2, $3, $4) as id',
    values: [workerId, claims.map((claim) => claim.jobId), claims.map((claim) => claim.claimNo), isUntouched],
  });
  return rows.map((row) => row.id);
}

/** A job that the sweep moved on. */
export interface SweptJob {
  readonly id: string;
  readonly providerId: string;
  readonly payloadPath: string | null;
  readonly outcome: 'timeout' | 'reclaimed' | 'failed';
}

/** Ends jobs whose window closed, and returns jobs of dead workers to the queue. Safe to run in every process at once. */
export async function sweepJobs(db: Db, restartGraceMs: number): Promise<SweptJob[]> {
  const rows = await runNamed<Pick<SweptJob, 'id' | 'outcome'> & { provider_id: string; payload_path: string | null }>(
    db,
    {
      name: 'job_sweep',
      // a lateral look at one row each: as a plain join the planner may read the whole table, every second
      text: `select s.id, s.payload_path, s.outcome, coalesce(j.provider_id, 'unknown') as provider_id from job_sweep($1) s
      left join lateral (select provider_id from job where id = s.id limit 1) j on true`,
      values: [restartGraceMs],
    },
  );
  return rows.map((row) => ({
    id: row.id,
    providerId: row.provider_id,
    payloadPath: row.payload_path,
    outcome: row.outcome,
  }));
}

/** What became final since the last look (less 5 s, as commits become visible late), for all waiters of a process at once. */
export async function jobsFinalisedSince(db: Db, since: Date | null): Promise<{ ids: string[]; lookedAt: Date }> {
  const rows = await runNamed<{ id: string | null; looked_at: Date }>(db, {
    name: 'job_finalised_since',
    text: 'select * from job_finalised_since($1)',
    values: [since],
  });
  return {
    ids: rows.flatMap((row) => (row.id === null ? [] : [row.id])),
    lookedAt: rows[0]?.looked_at ?? new Date(0),
  };
}
