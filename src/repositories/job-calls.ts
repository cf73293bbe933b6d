/** The ledger of single jobs. */
import { sql } from 'kysely';
import type { Step } from './transaction.ts';

/** One call to a provider, as the ledger has it. */
export interface JobCall {
  readonly attemptNo: number;
  readonly linkNo: number;
  readonly claimNo: number;
  readonly providerId: string;
  /** `*` where the provider has no models. */
  readonly model: string;
  readonly outcome: string;
  readonly charged: 'no' | 'maybe' | 'yes';
  /** Null where the price list did not say. */
  readonly price: number | null;
  /** Null where nobody saw the end of the call. */
  readonly latencyMs: number | null;
  readonly endedAt: Date;
}

/** The first `limit` calls of a job that have ended, in their order; undefined when there is no such job. */
export async function listJobCalls(db: Step, jobId: string, limit: number): Promise<JobCall[] | undefined> {
  const { rows } = await sql<JobCall | { attemptNo: null }>`
    select c.attempt_no as "attemptNo", c.link_no as "linkNo", c.claim_no as "claimNo", c.provider_id as "providerId", c.model,
      c.outcome, c.charged, c.price::float8 as price, c.latency_ms as "latencyMs", c.ended_at as "endedAt"
    from job j left join provider_call c on c.job_id = j.id where j.id = ${jobId} order by c.attempt_no limit ${limit}`.execute(
    db.kysely,
  );
  if (rows.length === 0) return undefined;
  return rows.filter((row): row is JobCall => row.attemptNo !== null);
}

/** What a job's calls cost. Null where a call that counts has no price. */
export interface JobCost {
  /** Of the price list; null where there is none. */
  readonly currency: string | null;
  /** Of the calls that were charged. */
  readonly known: number | null;
  /** Of the calls that were perhaps charged. */
  readonly possible: number | null;
}

const costOf = (charged: 'yes' | 'maybe'): string =>
  `case when count(*) filter (where c.charged = '${charged}' and c.price is null) = 0
    then coalesce(sum(c.price) filter (where c.charged = '${charged}'), 0) end`;

/** What a job's calls cost, as a column of a statement in which `j` is the job. */
export const JOB_COST = `(select json_build_object(
  'currency', (select value ->> 'currency' from platform_setting where key = 'pricing'),
  'known', ${costOf('yes')}, 'possible', ${costOf('maybe')}) from provider_call c where c.job_id = j.id) as cost`;
