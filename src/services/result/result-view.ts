import type { ResultEntry } from '../../repositories/results.ts';

/** A result as clients see it (schema `Result`). @param baseUrl where links begin, without a slash at its end. */
export const resultView = (baseUrl: string, result: ResultEntry) => ({
  job_id: result.jobId,
  thumbnail_url: `${baseUrl}/public/results/${result.jobId}/thumbnail`,
  download_url: `${baseUrl}/public/results/${result.jobId}`,
  completed_at: result.completedAt.toISOString(),
  result_expires_at: result.expiresAt.toISOString(),
  mime: result.mimeType,
  size_bytes: result.sizeBytes,
});
