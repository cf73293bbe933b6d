/** A job as administrators see it (schema `JobAdminView`). */
import { isOver } from '../../domain/deadlines.ts';
import type { JobRecord } from '../../repositories/job-lists.ts';
import { resultView } from '../result/result-view.ts';

/** The job, its window and how long its steps took, by the database's clock; times of the future do not count. */
export const jobView = (record: JobRecord, baseUrl: string) => ({
  job: jobFields(record),
  deadline: {
    expires_at: record.expiresAt.toISOString(),
    remaining_ms: between(record.readAt, record.expiresAt),
    is_expired: isOver(record.expiresAt, record.readAt),
  },
  metrics: metricsOf(record),
  result: liveResult(record, baseUrl),
});

const jobFields = (record: JobRecord) => ({
  id: record.id,
  slot_id: record.slotId,
  provider_id: record.providerId,
  operation_id: record.operationId,
  status: record.status,
  is_finalized: record.isFinalized,
  failure_reason: record.failureReason,
  failure_message: record.failureMessage,
  claim_no: record.claimNo,
  attempt_no: record.attemptNo,
  fallback_no: record.linkNo,
  is_test: record.isTest,
  cost: record.cost,
  provider_job_reference: record.providerJobReference,
  payload_path: record.payloadPath,
  result_file_path: record.resultPath,
  result_inline_base64: null,
  result_mime_type: record.resultMimeType,
  result_size_bytes: record.resultSizeBytes,
  result_checksum: record.resultChecksum,
  result_provider_id: record.resultProviderId,
  result_expires_at: timeOf(record.resultExpiresAt),
  original_expires_at: timeOf(record.originalExpiresAt),
  metadata: record.metadata,
  expires_at: record.expiresAt.toISOString(),
  created_at: record.createdAt.toISOString(),
  started_at: timeOf(record.startedAt),
  updated_at: record.updatedAt.toISOString(),
  finalized_at: timeOf(record.finalizedAt),
});

function metricsOf({ createdAt, startedAt, finalizedAt, readAt }: JobRecord) {
  const endedAt = finalizedAt ?? readAt;
  return {
    queue_wait_ms: startedAt && between(createdAt, startedAt),
    processing_ms: startedAt && between(startedAt, endedAt),
    total_elapsed_ms: between(createdAt, endedAt),
  };
}

/** What the public link would give now. */
function liveResult(record: JobRecord, baseUrl: string) {
  const { resultPath, resultExpiresAt, resultMimeType, resultSizeBytes, finalizedAt } = record;
  if (resultPath === null || resultExpiresAt === null || isOver(resultExpiresAt, record.readAt)) return null;
  return resultView(baseUrl, {
    jobId: record.id,
    mimeType: resultMimeType as string,
    sizeBytes: resultSizeBytes as number,
    completedAt: finalizedAt as Date,
    expiresAt: resultExpiresAt,
  });
}

const timeOf = (time: Date | null): string | null => time?.toISOString() ?? null;

const between = (from: Date, to: Date): number => Math.max(0, to.getTime() - from.getTime());
