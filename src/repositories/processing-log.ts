/** The append-only events of a job, written by triggers and by the functions of the queue. */
import type { Db } from '../db/db.ts';
import type { ProcessingLogTable } from '../db/queue-tables.ts';

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
