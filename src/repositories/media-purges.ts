/** Purges that administrators asked for: a queue of their own, worked off under the clean-up lock. */
import { sql } from 'kysely';
import type { CleanUpReport, PurgeScope, PurgeState } from '../domain/purge.ts';
import type { Step } from './transaction.ts';

/** A purge as its row tells it. */
export interface MediaPurge {
  readonly id: string;
  readonly scope: PurgeScope;
  readonly isDryRun: boolean;
  /** The database's time at the request: whatever had expired by then goes. */
  readonly expiresCutoff: Date;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  readonly state: PurgeState;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly outcome: CleanUpReport | null;
  readonly error: string | null;
}

const COLUMNS = [
  'id',
  'scope',
  'is_dry_run as isDryRun',
  'expires_cutoff as expiresCutoff',
  'requested_by as requestedBy',
  'requested_at as requestedAt',
  'state',
  'started_at as startedAt',
  'finished_at as finishedAt',
  'outcome',
  'error',
] as const;

/** Queues a purge; every process hears of it when the transaction commits. */
export async function insertMediaPurge(
  db: Step,
  purge: Pick<MediaPurge, 'scope' | 'isDryRun' | 'requestedBy'>,
): Promise<MediaPurge> {
  return db.kysely
    .insertInto('media_purge')
    .values({ scope: purge.scope, is_dry_run: purge.isDryRun, requested_by: purge.requestedBy })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
}

/** One purge, by its id (a UUID). */
export async function findMediaPurge(db: Step, id: string): Promise<MediaPurge | undefined> {
  return db.kysely.selectFrom('media_purge').select(COLUMNS).where('id', '=', id).executeTakeFirst();
}

/** The newest purges first. */
export async function listMediaPurges(db: Step, limit: number): Promise<MediaPurge[]> {
  return db.kysely
    .selectFrom('media_purge')
    .select(COLUMNS)
    .orderBy('requested_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/** Whether a purge waits, or was left by a process that died. */
export async function hasOpenPurge(db: Step): Promise<boolean> {
  const row = await db.kysely
    .selectFrom('media_purge')
    .select('id')
    .where('state', 'in', ['queued', 'running'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Takes the oldest open purge. To be called under the clean-up lock only: a purge that is `running` then was left by a process
 * that died, and is taken like a new one.
 */
export async function startNextPurge(db: Step): Promise<MediaPurge | undefined> {
  return db.kysely
    .updateTable('media_purge')
    .set({ state: 'running', started_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', (query) =>
      query
        .selectFrom('media_purge')
        .select('id')
        .where('state', 'in', ['queued', 'running'])
        .orderBy('requested_at')
        .orderBy('id')
        .limit(1),
    )
    .returning(COLUMNS)
    .executeTakeFirst();
}

/** Says what a purge came to; one that another process has ended meanwhile stays as it is. */
export async function finishPurge(
  db: Step,
  id: string,
  end: { readonly outcome: CleanUpReport } | { readonly error: string },
): Promise<void> {
  const result =
    'outcome' in end
      ? { state: 'done' as const, outcome: JSON.stringify(end.outcome) }
      : { state: 'failed' as const, error: end.error.slice(0, 1024) };
  await db.kysely
    .updateTable('media_purge')
    .set({ ...result, finished_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .execute();
}
