/** What the whole installation looks like at one moment, for the metrics. */
import type { Db } from '../db/db.ts';
import { query } from '../db/pool.ts';
import type { LaneGate } from './lanes.ts';

/** The unfinished jobs of one provider. */
export interface QueueFigures {
  readonly providerId: string;
  readonly pending: number;
  readonly processing: number;
  /** Since the oldest waiting job arrived; 0 when none waits. */
  readonly oldestAgeSeconds: number;
}

interface QueueRow {
  provider_id: string;
  pending: number;
  processing: number;
  oldest_age_seconds: number;
}

/**
 * The unfinished jobs by provider, idle ones included: read by the partial index of unfinished jobs, so the number of finished
 * ones does not matter.
 *
 * @throws QueryTimeoutError after `timeoutMs`, waiting for a connection included.
 */
export async function readQueueFigures(db: Db, timeoutMs: number): Promise<QueueFigures[]> {
  const statement = {
    name: 'queue_figures',
    text: `select coalesce(l.provider_id, j.provider_id) as provider_id, coalesce(j.pending, 0)::int as pending,
        coalesce(j.processing, 0)::int as processing,
        greatest(0, coalesce(extract(epoch from clock_timestamp() - j.oldest), 0))::float8 as oldest_age_seconds
      from lane l full join (
        select provider_id, count(*) filter (where status = 'pending') as pending,
          count(*) filter (where status = 'processing') as processing,
          min(created_at) filter (where status = 'pending') as oldest
        from job where not is_finalized group by provider_id
      ) j on j.provider_id = l.provider_id`,
    values: [],
  };
  const rows = await query<QueueRow>(db.pool, statement, { timeoutMs });
  return rows.map((row) => ({
    providerId: row.provider_id,
    pending: row.pending,
    processing: row.processing,
    oldestAgeSeconds: row.oldest_age_seconds,
  }));
}

/** Whether a provider can be called now. */
export interface ProviderStanding {
  readonly providerId: string;
  readonly state: LaneGate['state'];
}

/** The standing of every provider. @throws QueryTimeoutError after `timeoutMs`, waiting for a connection included. */
export function readStandings(db: Db, timeoutMs: number): Promise<ProviderStanding[]> {
  const statement = {
    name: 'provider_standings',
    text: 'select l.provider_id as "providerId", g.state from lane l cross join lateral lane_gate(l) g',
    values: [],
  };
  return query<{ providerId: string; state: LaneGate['state'] }>(db.pool, statement, { timeoutMs });
}

/**
 * Bytes of the stored pictures that rows name, by kind; thumbnails are in no row.
 *
 * @throws QueryTimeoutError after `timeoutMs`.
 */
export async function readUsedBytes(db: Db, timeoutMs: number): Promise<{ kind: string; bytes: number }[]> {
  const statement = {
    name: 'used_bytes',
    text: `select 'results' as kind, coalesce(sum(result_size_bytes), 0)::float8 as bytes from job where result_file_path is not null
      union all select 'originals', coalesce(sum(size_bytes), 0)::float8 from job_original
      union all select 'templates', coalesce(sum(size_bytes), 0)::float8 from template_media
      union all select 'public_media', coalesce(sum(size_bytes), 0)::float8 from media_object where path is not null`,
    values: [],
  };
  return query<{ kind: string; bytes: number }>(db.pool, statement, { timeoutMs });
}
