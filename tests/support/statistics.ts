/** Statistics counted the plain way, from every row, and jobs whose time a test decides. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import type { FailureReason } from '../../src/domain/job.ts';
import type { Figures } from '../../src/services/statistics/metrics.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** What statistics need of a job. */
export interface CountedJob {
  readonly slotId: string;
  readonly providerId: string;
  readonly status: 'pending' | 'processing';
  readonly createdAt: Date;
  readonly finalizedAt: Date | null;
  readonly failureReason: FailureReason | null;
}

/** Every job there is. */
export async function readJobs({ kysely }: Pick<Db, 'kysely'>): Promise<CountedJob[]> {
  const { rows } = await sql<CountedJob>`
    select slot_id as "slotId", coalesce(result_provider_id, provider_id) as "providerId", status, created_at as "createdAt",
      finalized_at as "finalizedAt", failure_reason as "failureReason" from job`.execute(kysely);
  return rows;
}

/** Which jobs count, and when. */
export interface Counting {
  readonly from: Date;
  readonly to: Date;
  readonly slotId?: string | undefined;
  readonly providerId?: string | undefined;
}

/** Asserts that figures are just what the rows say, and that percentiles are as near as they are promised to be. */
export function expectFigures(figures: Figures, jobs: readonly CountedJob[], { from, to, ...want }: Counting): void {
  const isIn = (at: Date | null): boolean => at !== null && at >= from && at < to;
  const meant = jobs.filter(
    (job) => (want.slotId ?? job.slotId) === job.slotId && (want.providerId ?? job.providerId) === job.providerId,
  );
  const ended = meant.filter((job) => isIn(job.finalizedAt));
  const count = (reason: FailureReason | null): number =>
    ended.filter(({ failureReason }) => failureReason === reason).length;
  const [success, timeouts, errors, cancelled] = [
    count(null),
    count('timeout'),
    count('provider_error'),
    count('cancelled'),
  ];
  expect(figures).toMatchObject({
    ingest_count: meant.filter((job) => isIn(job.createdAt)).length,
    total_runs: ended.length,
    success,
    timeouts,
    provider_errors: errors,
    cancelled,
    errors: timeouts + errors + cancelled,
    timeout_share: ended.length === 0 ? null : Math.round((timeouts / ended.length) * 10_000) / 10_000,
  });
  const latencies = ended
    .filter(({ failureReason }) => failureReason === null)
    .map((job) => Number(job.finalizedAt) - Number(job.createdAt));
  expectPercentiles(figures.latency_ms, latencies);
}

function expectPercentiles(told: Figures['latency_ms'], latencies: readonly number[]): void {
  if (told === null) {
    expect(latencies).toEqual([]);
    return;
  }
  const rising = latencies.toSorted((left, right) => left - right);
  for (const [percent, value] of [
    [50, told.p50],
    [95, told.p95],
    [99, told.p99],
  ] as const) {
    const exact = Math.max(10, rising[Math.ceil((rising.length * percent) / 100) - 1] ?? Number.NaN);
    expect(Math.abs(value - exact)).toBeLessThanOrEqual(0.045 * exact + 0.5);
  }
}

/** What a test may decide of a job. */
export interface BackdatedJob {
  readonly slotId?: string;
  readonly providerId?: string;
  readonly createdAt: Date;
  /** How long it took; undefined: it is not finished. */
  readonly tookMs?: number | undefined;
  readonly failureReason?: FailureReason | null;
}

/** Stores jobs of any age, past the triggers that forbid just that. */
export async function storeJobs({ kysely }: Pick<Db, 'kysely'>, jobs: readonly BackdatedJob[]): Promise<void> {
  const rows = jobs.map(({ slotId = 'slot-001', providerId = 'studio', createdAt, tookMs, failureReason = null }) => ({
    slot_id: slotId,
    provider_id: providerId,
    created_at: createdAt,
    finalized_at: tookMs === undefined ? null : new Date(createdAt.getTime() + tookMs),
    failure_reason: failureReason,
    is_success: tookMs !== undefined && failureReason === null,
  }));
  await kysely.transaction().execute(async (step) => {
    await sql`set local session_replication_role = replica`.execute(step);
    await sql`insert into job (id, slot_id, provider_id, operation_id, snapshot, status, claim_no, started_at, is_finalized,
        failure_reason, created_at, expires_at, finalized_at, result_mime_type, result_size_bytes, result_checksum,
        result_provider_id, result_expires_at)
      select gen_random_uuid(), slot_id, provider_id, 'filter', '{}', case when finalized_at is null then 'pending' else 'processing' end,
        (finalized_at is not null)::int, case when finalized_at is not null then created_at end, finalized_at is not null,
        failure_reason, created_at, created_at + interval '48 seconds', finalized_at,
        case when is_success then 'image/jpeg' end, case when is_success then 3 end,
        case when is_success then repeat('b', 64) end, case when is_success then provider_id end,
        case when is_success then finalized_at + interval '72 hours' end
      from json_to_recordset(${JSON.stringify(rows)}) as r(slot_id text, provider_id text, created_at timestamptz,
        finalized_at timestamptz, failure_reason text, is_success boolean)`.execute(step);
  });
}
