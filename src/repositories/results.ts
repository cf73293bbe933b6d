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

// `is true` keeps the planner from the index of all slots' retentions, by which it would read every live result: 35 ms instead of 1
const IS_LIVE = sql<boolean>`(result_expires_at > now()) is true`;

/**
 * Nothing but columns of the slots' own index of live results, so that this is what is read; test runs are not in it, because they are
 * among no guests' results.
 */
const liveOf = (db: Pick<Db, 'kysely'>, slotId: string) =>
  db.kysely
    .selectFrom('job')
    .where('slot_id', '=', slotId)
    .where('result_file_path', 'is not', null)
    .where(sql<boolean>`not is_test`)
    .where(IS_LIVE);

/** The rows of the ids that were found, in the same order. */
async function readFiles(
  db: Pick<Db, 'kysely'>,
  ids: ReturnType<typeof idsOf>,
  order: 'asc' | 'desc',
): Promise<ResultFile[]> {
  const rows = await db.kysely
    .with('found', () => ids)
    .selectFrom('found')
    .innerJoin('job', 'job.id', 'found.id')
    .select([
      'job.id',
      'result_file_path',
      'result_mime_type',
      'result_size_bytes',
      'job.finalized_at',
      'result_expires_at',
    ])
    .select(sql<number>`extract(epoch from result_expires_at - now())::float8 * 1000`.as('left_ms'))
    .orderBy('found.finalized_at', order)
    .orderBy('found.id', order)
    .execute();
  return rows.map((row) => ({
    jobId: row.id,
    mimeType: row.result_mime_type as string,
    sizeBytes: row.result_size_bytes as number,
    completedAt: row.finalized_at as Date,
    expiresAt: row.result_expires_at as Date,
    path: row.result_file_path as string,
    leftMs: row.left_ms,
  }));
}

const idsOf = (live: ReturnType<typeof liveOf>, order: 'asc' | 'desc', { limit, offset }: PageWindow) =>
  live.select(['id', 'finalized_at']).orderBy('finalized_at', order).orderBy('id', order).limit(limit).offset(offset);

/** The live results of a slot, newest first. */
export const listSlotResults = (db: Pick<Db, 'kysely'>, slotId: string, page: PageWindow): Promise<ResultEntry[]> =>
  readFiles(db, idsOf(liveOf(db, slotId), 'desc', page), 'desc');

/** How many live results a slot has. */
export async function countSlotResults(db: Pick<Db, 'kysely'>, slotId: string): Promise<number> {
  const { count } = await liveOf(db, slotId)
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** The next live results in the order of their completion, after the given one: to walk over any number of them by bites. */
export async function listResultFilesAfter(
  db: Pick<Db, 'kysely'>,
  { slotId, from, to }: ResultWalk,
  after: Pick<ResultEntry, 'jobId' | 'completedAt'> | undefined,
  limit: number,
): Promise<ResultFile[]> {
  const live = liveOf(db, slotId)
    .$if(from !== undefined, (query) => query.where('finalized_at', '>=', from as Date))
    .$if(to !== undefined, (query) => query.where('finalized_at', '<', to as Date))
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(finalized_at, id) > (${after?.completedAt}, ${after?.jobId})`),
    );
  return readFiles(db, idsOf(live, 'asc', { limit, offset: 0 }), 'asc');
}
