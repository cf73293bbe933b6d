/** The calls to providers: what each came to, for the ledger, the job's events, and the provider's standing. */
import { type Db, runNamed } from '../db/db.ts';
import type { ProviderFailureFacts } from '../domain/provider-failure.ts';

/** One call to a provider. */
export interface ProviderCall {
  readonly providerId: string;
  /** Which key it was made with; a digest. */
  readonly keyId: string;
  /** `*` where the provider has no models. */
  readonly model: string;
  readonly attemptNo: number;
  readonly claimNo: number;
  readonly linkNo: number;
  readonly isTest: boolean;
}

/** A call as the database's functions take it. */
export const callArgument = (call: ProviderCall): string =>
  JSON.stringify({
    provider_id: call.providerId,
    key_id: call.keyId,
    model: call.model,
    attempt_no: call.attemptNo,
    claim_no: call.claimNo,
    link_no: call.linkNo,
    is_test: call.isTest,
  });

/** A call that brought no picture. */
export interface FailedCall {
  readonly jobId: string;
  readonly slotId: string;
  readonly call: ProviderCall;
  readonly failure: ProviderFailureFacts;
  /** Whether it speaks against the provider; a full disk of ours does not. */
  readonly isAgainstProvider: boolean;
  readonly latencyMs: number;
  /** The service's own words. */
  readonly reason: string;
}

/**
 * Records what a failed call came to: an event of the job, its entry in the ledger, and what it says of its provider. Not fenced: a
 * late answer changes nothing of the job, but it is told. May be told twice.
 */
export async function recordFailedCall(db: Db, failed: FailedCall): Promise<void> {
  const { failure } = failed;
  const facts = {
    outcome: failure.kind,
    charged: failure.charged,
    against: failed.isAgainstProvider,
    ...(failure.retryAfterMs !== undefined && { retry_after_ms: Math.round(failure.retryAfterMs) }),
    ...(failure.exhausted && { exhausted: true }),
  };
  await runNamed(db, {
    name: 'job_call_failed',
    text: 'select job_call_failed($1, $2, $3, $4, $5, $6)',
    values: [
      failed.jobId,
      failed.slotId,
      callArgument(failed.call),
      JSON.stringify(facts),
      Math.max(0, Math.round(failed.latencyMs)),
      failed.reason.slice(0, 1024),
    ],
  });
}

/** A call that was made for a job before. A call that nobody saw the end of was perhaps charged. */
export interface EarlierCall {
  readonly providerId: string;
  readonly charged: 'no' | 'maybe' | 'yes';
}

/** The calls that were made for a job. */
export async function findEarlierCalls(db: Db, jobId: string): Promise<EarlierCall[]> {
  const rows = await runNamed<{ provider_id: string; charged: EarlierCall['charged'] }>(db, {
    name: 'job_calls',
    text: 'select * from job_calls($1)',
    values: [jobId],
  });
  return rows.map((row) => ({ providerId: row.provider_id, charged: row.charged }));
}
