/** What administrators change of jobs; each within the transaction that also records who did it. */
import { sql } from 'kysely';
import type { Step } from './transaction.ts';

/** A job that was ended. */
export interface CancelledJob {
  readonly slotId: string;
  readonly providerId: string;
  /** Where the uploaded photo lies, relative to the media root. */
  readonly payloadPath: string | null;
}

/** Ends an unfinished job as cancelled. @returns undefined when it was final already, or when there is none. */
export async function cancelUnfinished(step: Step, jobId: string, message: string): Promise<CancelledJob | undefined> {
  const job = await step.kysely
    .selectFrom('job')
    .select(['slot_id', 'provider_id', 'payload_path'])
    .where('id', '=', jobId)
    .where('is_finalized', '=', false)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (job === undefined) return undefined;
  const { rows } = await sql<{
    ended: boolean;
  }>`select job_end(${jobId}, 'cancelled', ${message}, false) as ended`.execute(step.kysely);
  if (rows[0]?.ended !== true) return undefined;
  return { slotId: job.slot_id, providerId: job.provider_id, payloadPath: job.payload_path };
}

/** What deleting a job's result found. */
export type ForgottenResult =
  | { readonly found: 'nothing' | 'no result' | 'gone already' }
  | { readonly found: 'result'; readonly slotId: string; readonly path: string };

/** Clears the path of a job's result: its public link is over from the commit on. Safe to repeat. */
export async function forgetResult(step: Step, jobId: string): Promise<ForgottenResult> {
  const job = await step.kysely
    .selectFrom('job')
    .select(['slot_id', 'result_file_path', 'result_expires_at'])
    .where('id', '=', jobId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (job === undefined) return { found: 'nothing' };
  if (job.result_expires_at === null) return { found: 'no result' };
  if (job.result_file_path === null) return { found: 'gone already' };
  await step.kysely.updateTable('job').set({ result_file_path: null }).where('id', '=', jobId).execute();
  return { found: 'result', slotId: job.slot_id, path: job.result_file_path };
}
