/** Accepting a job: what is asked of the queue, and what it answers. The guarantees are those of the database's function `job_enqueue`. */
import { type Db, runNamed } from '../db/db.ts';
import type { JobSnapshot } from '../domain/job.ts';

/** A job to be accepted. */
export interface NewJob {
  readonly id: string;
  readonly slotId: string;
  /** Of the slot's own link; `chain` holds those after it. */
  readonly providerId: string;
  /** The slot's own provider cannot be called now, so the job begins with the chain. */
  readonly isPassedOver?: boolean;
  readonly chain?: readonly { readonly providerId: string; readonly model: string }[];
  /** Which model of the slot's own provider is called; a price list may tell them apart. */
  readonly model?: string;
  readonly terms?: JobTerms | undefined;
  readonly operationId: string;
  readonly snapshot: JobSnapshot;
  readonly metadata: Readonly<Record<string, string>>;
  /** Relative to the media root. */
  readonly payloadPath: string;
  /** Since the request arrived, by this process's monotonic clock. */
  readonly elapsedMs: number;
  readonly windowMs: number;
  /** The cap on unfinished jobs over all slots. */
  readonly openMax: number;
  /** A free worker of this process that takes the job at once when nobody waits in front of it. */
  readonly claimFor: { readonly workerId: string; readonly leaseMs: number } | undefined;
}

/** What else is to be known of a job before it is accepted. */
export interface JobTerms {
  /** SHA-256 of everything that makes two requests the same one. */
  readonly requestHash?: Buffer;
  /** The client's own name for the request, within the slot. */
  readonly idempotencyKey?: string | undefined;
  /** Whether the same request without a key joins the one that is running. */
  readonly joinsRunning?: boolean;
  readonly isTest?: boolean;
  /** What the slot may spend in a day, in the price list's currency. */
  readonly dailyBudget?: number | undefined;
  /** Whether a used-up budget refuses photos, rather than passing over links that cost something. */
  readonly stopsOverBudget?: boolean;
}

/** Why no link of the chain could serve a photo in its window. */
export type Unserved = 'busy' | 'paused' | 'down' | 'exhausted' | 'budget';

/** What became of it: waiting, taken at once, known already, the same as another, too late, refused by a cap, or hopeless. */
export type EnqueueOutcome =
  | { readonly outcome: 'created' | 'duplicate' | 'late' }
  | {
      readonly outcome: 'claimed';
      readonly claimNo: number;
      readonly attemptNo: number;
      readonly linkNo: number;
      readonly leftMs: number;
    }
  | { readonly outcome: 'joined' | 'key_reused'; readonly jobId: string; readonly isFinal: boolean }
  | { readonly outcome: 'unserved'; readonly why: Unserved; readonly waitMs: number }
  | { readonly outcome: 'full'; readonly scope: 'all' | 'slot' | 'provider' };

/** What the database answers. */
export interface EnqueueRow {
  outcome: EnqueueOutcome['outcome'];
  full_scope: 'all' | 'slot' | 'provider' | null;
  left_ms: number | null;
  claim_no: number | null;
  attempt_no: number | null;
  link_no: number | null;
  twin_id: string | null;
  is_final: boolean | null;
  why: Unserved | null;
  wait_ms: number | null;
}

/**
 * Accepts a job, and claims it in the same statement when its lane is idle. Exact caps under any race. May be repeated with the
 * same id after a lost reply: the second call answers `duplicate`.
 */
export async function enqueueJob(db: Db, job: NewJob): Promise<EnqueueOutcome> {
  const rows = await runNamed<EnqueueRow>(db, {
    name: 'job_enqueue',
    text: 'select * from job_enqueue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
    values: enqueueArguments(job),
  });
  return toEnqueueOutcome(rows[0] as EnqueueRow);
}

/** The arguments of the database's function, in its order. */
export const enqueueArguments = (job: NewJob): unknown[] => [
  job.id,
  job.slotId,
  [job.isPassedOver ? null : job.providerId, ...(job.chain ?? []).map((link) => link.providerId)],
  job.operationId,
  JSON.stringify(job.snapshot),
  JSON.stringify(job.metadata),
  job.payloadPath,
  job.elapsedMs,
  job.windowMs,
  job.openMax,
  job.claimFor?.workerId ?? null,
  job.claimFor?.leaseMs ?? null,
  termsArgument(job),
];

/** Most photos have no terms but what makes them the same request. */
function termsArgument({ terms, model = '*', chain = [] }: NewJob): string | null {
  if (terms === undefined) return null;
  const argument = {
    ...(terms.requestHash && { request_hash: terms.requestHash.toString('hex') }),
    ...(terms.idempotencyKey !== undefined && { idempotency_key: terms.idempotencyKey }),
    ...(terms.joinsRunning && { joins_running: true }),
    ...(terms.isTest && { is_test: true }),
    ...(terms.dailyBudget !== undefined && {
      budget: terms.dailyBudget,
      models: [model, ...chain.map((link) => link.model)],
    }),
    ...(terms.dailyBudget !== undefined && terms.stopsOverBudget && { stops: true }),
  };
  return Object.keys(argument).length === 0 ? null : JSON.stringify(argument);
}

/** The answer as the use case knows it. */
export function toEnqueueOutcome(row: EnqueueRow): EnqueueOutcome {
  const { outcome } = row;
  if (outcome === 'full') return { outcome, scope: row.full_scope ?? 'all' };
  if (outcome === 'joined' || outcome === 'key_reused')
    return { outcome, jobId: String(row.twin_id), isFinal: row.is_final === true };
  if (outcome === 'unserved') return { outcome, why: row.why ?? 'busy', waitMs: Number(row.wait_ms) };
  if (outcome !== 'claimed') return { outcome };
  return {
    outcome: 'claimed',
    claimNo: Number(row.claim_no),
    attemptNo: Number(row.attempt_no),
    linkNo: Number(row.link_no),
    leftMs: Number(row.left_ms),
  };
}
