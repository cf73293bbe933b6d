import type { IngestDeps } from './ingest-deps.ts';

/** What every payload's file name ends with; its type stands in the row. */
const PAYLOAD_EXTENSION = 'photo';

/** Where the photo of a job lies while the job is not final. */
export const payloadPlace = (store: IngestDeps['store'], jobId: string) => store.payloadPath(jobId, PAYLOAD_EXTENSION);

/** Does not wait: the answer is on its way meanwhile, and what a crash leaves here the orphan sweep finds. */
export function removePayload({ store, log }: Pick<IngestDeps, 'store' | 'log'>, jobId: string): void {
  store
    .remove(payloadPlace(store, jobId).path)
    .catch((error: unknown) => log.warn({ job_id: jobId, err: error }, 'payload not removed'));
}
