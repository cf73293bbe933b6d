/** Results whose lifetime a test decides: time is moved in the rows, past the trigger that forbids just that. */
import { sql } from 'kysely';
import type { Db } from '../../src/db/db.ts';
import type { TestServer } from './server.ts';

/** Makes a picture in `slot-001`. @returns its job and its bytes. */
export async function makeResult(
  server: TestServer,
  photo: Buffer,
  slotId = 'slot-001',
): Promise<{ jobId: string; picture: Buffer }> {
  const answer = await server.post({ photo, slotId });
  const jobId = answer.headers.get('x-job-id');
  if (answer.status !== 200 || jobId === undefined) throw new Error(answer.body.toString('utf8', 0, 500));
  return { jobId, picture: answer.body };
}

/** Moves the end of a result's retention to `leftSeconds` from now; negative: it is over for so long. */
export async function setRetentionLeft(db: Db, jobId: string, leftSeconds: number): Promise<void> {
  await db.kysely.transaction().execute(async (step) => {
    await sql`set local session_replication_role = replica`.execute(step);
    await sql`update job set result_expires_at = clock_timestamp() + ${leftSeconds} * interval '1 second'
      where id = ${jobId}`.execute(step);
  });
}

/** Where the result of a job lies, below the media root; null once that is forgotten. */
export async function resultPathOf(db: Db, jobId: string): Promise<string | null> {
  const row = await db.kysely
    .selectFrom('job')
    .select('result_file_path')
    .where('id', '=', jobId)
    .executeTakeFirstOrThrow();
  return row.result_file_path;
}
