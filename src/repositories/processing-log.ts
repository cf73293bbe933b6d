/** The append-only events of a job. Most are written by triggers; only what a worker alone knows is written here. */
import { type Db, runNamed } from '../db/db.ts';
import type { ProcessingLogTable } from '../db/tables.ts';

/** What a call came to. */
export interface ProviderResponse {
  readonly jobId: string;
  readonly slotId: string;
  readonly latencyMs: number;
  /** The service's own words, at most 1024 characters. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Records what a call came to. Not fenced: a late answer changes nothing, but it is told. */
export async function logProviderResponse(db: Db, response: ProviderResponse): Promise<void> {
  await runNamed(db, {
    name: 'log_provider_response',
    text: `insert into processing_log (job_id, slot_id, status, message, provider_latency_ms, details)
      values ($1, $2, 'provider_responded', $3, $4, $5)`,
    values: [
      response.jobId,
      response.slotId,
      response.message.slice(0, 1024),
      Math.max(0, Math.round(response.latencyMs)),
      JSON.stringify(response.details),
    ],
  });
}

/** One event of a job. */
export interface ProcessingEvent {
  readonly status: string;
  readonly occurredAt: Date;
  readonly message: string | null;
  readonly providerLatencyMs: number | null;
  readonly details: Record<string, unknown> | null;
}

/** A job's events in the order they happened. */
export async function listProcessingLog(db: Db, jobId: string): Promise<ProcessingEvent[]> {
  const rows = await db.kysely
    .selectFrom('processing_log')
    .select(['status', 'occurred_at', 'message', 'provider_latency_ms', 'details'])
    .where('job_id', '=', jobId)
    .orderBy('occurred_at')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    status: row.status,
    occurredAt: row.occurred_at,
    message: row.message,
    providerLatencyMs: row.provider_latency_ms,
    details: row.details,
  }));
}

/** An event with what names it. */
export interface JobEvent extends ProcessingEvent {
  readonly status: ProcessingLogTable['status'];
  readonly id: string;
  readonly jobId: string;
  readonly slotId: string;
  /** Since the job was created; never below zero. */
  readonly sinceCreatedMs: number;
}

/** The first `limit` events of a job in the order they happened; undefined when there is no such job. */
export async function listJobEvents(
  db: Pick<Db, 'kysely'>,
  jobId: string,
  limit: number,
): Promise<JobEvent[] | undefined> {
  const rows = await db.kysely
    .selectFrom('job')
    .leftJoin('processing_log as l', 'l.job_id', 'job.id')
    .select(['l.id', 'job.id as job_id', 'job.slot_id', 'l.status', 'l.occurred_at', 'l.message'])
    .select(['l.provider_latency_ms', 'l.details', 'job.created_at'])
    .where('job.id', '=', jobId)
    .orderBy('l.occurred_at')
    .orderBy('l.id')
    .limit(limit)
    .execute();
  if (rows.length === 0) return undefined;
  return rows.flatMap((row) =>
    row.id === null || row.status === null || row.occurred_at === null
      ? []
      : [
          {
            id: row.id,
            jobId: row.job_id,
            slotId: row.slot_id,
            status: row.status,
            occurredAt: row.occurred_at,
            message: row.message,
            providerLatencyMs: row.provider_latency_ms,
            details: row.details,
            sinceCreatedMs: Math.max(0, row.occurred_at.getTime() - row.created_at.getTime()),
          },
        ],
  );
}
