/** Results that can be fetched now: their files are there, and their retention is not over. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';

/** A finished picture, as lists show it. */
export interface ResultEntry {
  readonly jobId: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly completedAt: Date;
  readonly expiresAt: Date;
}

/** Where a list begins, and how long it is at most. */
export interface PageWindow {
  readonly limit: number;
  readonly offset: number;
}

const COLUMNS = ['id', 'result_mime_type', 'result_size_bytes', 'finalized_at', 'result_expires_at'] as const;

interface ResultRow {
  id: string;
  result_mime_type: string | null;
  result_size_bytes: number | null;
  finalized_at: Date | null;
  result_expires_at: Date | null;
}

const toEntry = (row: ResultRow): ResultEntry => ({
  jobId: row.id,
  mimeType: row.result_mime_type as string,
  sizeBytes: row.result_size_bytes as number,
  completedAt: row.finalized_at as Date,
  expiresAt: row.result_expires_at as Date,
});

const liveOf = (db: Pick<Db, 'kysely'>, slotId: string) =>
  db.kysely
    .selectFrom('job')
    .where('slot_id', '=', slotId)
    .where('result_file_path', 'is not', null)
    .where('result_expires_at', '>', sql<Date>`now()`);

/** The live results of a slot, newest first. */
export async function listSlotResults(
  db: Pick<Db, 'kysely'>,
  slotId: string,
  { limit, offset }: PageWindow,
): Promise<ResultEntry[]> {
  const rows = await liveOf(db, slotId)
    .select(COLUMNS)
    .orderBy('finalized_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  return rows.map(toEntry);
}

/** How many live results a slot has. */
export async function countSlotResults(db: Pick<Db, 'kysely'>, slotId: string): Promise<number> {
  const { count } = await liveOf(db, slotId)
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** A live result with its file. */
export interface ResultFile extends ResultEntry {
  /** Relative to the media root. */
  readonly path: string;
  /** Until the retention ends, by the database's clock when the row was read. */
  readonly leftMs: number;
}

/** Which results of a slot are walked over. */
export interface ResultWalk {
  readonly slotId: string;
  /** Completed at this time or later. */
  readonly from: Date | undefined;
  /** Completed before this time. */
  readonly to: Date | undefined;
}

/** The next live results in the order of their completion, after the given one: to walk over any number of them by bites. */
export async function listResultFilesAfter(
  db: Pick<Db, 'kysely'>,
  { slotId, from, to }: ResultWalk,
  after: Pick<ResultEntry, 'jobId' | 'completedAt'> | undefined,
  limit: number,
): Promise<ResultFile[]> {
  const rows = await liveOf(db, slotId)
    .select(COLUMNS)
    .select([
      'result_file_path',
      sql<number>`extract(epoch from result_expires_at - now())::float8 * 1000`.as('left_ms'),
    ])
    .$if(from !== undefined, (query) => query.where('finalized_at', '>=', from as Date))
    .$if(to !== undefined, (query) => query.where('finalized_at', '<', to as Date))
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(finalized_at, id) > (${after?.completedAt}, ${after?.jobId})`),
    )
    .orderBy('finalized_at')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...toEntry(row), path: row.result_file_path as string, leftMs: row.left_ms }));
}
