import type { ClaimedDelivery, FinishedJob } from '../../repositories/webhook-deliveries.ts';

/**
 * What a webhook is sent (schema `WebhookEvent`): facts of the job and links, never a picture and nothing that the station sent. The
 * same delivery always gives the same text, as long as the public address stays.
 *
 * @param baseUrl where links begin, without a slash at its end.
 */
export function eventBody(delivery: ClaimedDelivery, baseUrl: string): Buffer {
  const { id, type, job, createdAt } = delivery;
  const event = {
    id,
    type,
    occurred_at: (job?.finalizedAt ?? createdAt).toISOString(),
    job: job && jobFacts(job, baseUrl),
  };
  return Buffer.from(JSON.stringify(event));
}

const jobFacts = (job: FinishedJob, baseUrl: string) => ({
  id: job.id,
  slot_id: job.slotId,
  outcome: job.failureReason === null ? 'succeeded' : 'failed',
  failure_reason: job.failureReason,
  provider_id: job.providerId,
  fallback_link: job.linkNo,
  created_at: job.createdAt.toISOString(),
  queue_wait_ms: job.startedAt && between(job.createdAt, job.startedAt),
  processing_ms: job.startedAt && between(job.startedAt, job.finalizedAt),
  total_elapsed_ms: between(job.createdAt, job.finalizedAt),
  result: job.resultExpiresAt && {
    download_url: `${baseUrl}/public/results/${job.id}`,
    result_expires_at: job.resultExpiresAt.toISOString(),
    mime: job.resultMimeType,
    size_bytes: job.resultSizeBytes,
  },
});

const between = (from: Date, to: Date): number => Math.max(0, to.getTime() - from.getTime());
