/** Counters that slow down guessing, shared by all processes; judged by the database's clock. */
import { sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { Step } from './transaction.ts';

/** Counts one request of a key. @returns how long to wait, in milliseconds; 0: it is within the limit. */
export async function countRequest(
  db: Db,
  key: string,
  { requestsMax, windowSeconds }: { requestsMax: number; windowSeconds: number },
): Promise<number> {
  const rows = await runNamed<{ wait_ms: number }>(db, {
    name: 'count_request',
    text: 'select count_request($1, $2, make_interval(secs => $3)) as wait_ms',
    values: [key, requestsMax, windowSeconds],
  });
  return rows[0]?.wait_ms ?? 0;
}

/** Keys that are counted together, and how many failed tries within the window lock each of them. */
export interface TryLimits {
  readonly keys: readonly string[];
  readonly triesMax: readonly number[];
  readonly windowSeconds: number;
  readonly lockSeconds: number;
}

/** A try that was taken, by the database's clock to the microsecond; or how long to wait for one, and for which key. */
export type TryOutcome = { readonly takenAt: string } | { readonly waitMs: number; readonly lockedKey: string };

interface TryRow {
  wait_ms: number;
  locked_key: string;
  taken_at: string | null;
}

/** Takes a try of every key, or of none. */
export async function takeTry(db: Db, limits: TryLimits): Promise<TryOutcome> {
  const { keys, triesMax, windowSeconds, lockSeconds } = limits;
  const rows = await runNamed<TryRow>(db, {
    name: 'take_try',
    text: `select wait_ms, locked_key, taken_at::text from take_try($1, $2, make_interval(secs => $3), make_interval(secs => $4))`,
    values: [keys, triesMax, windowSeconds, lockSeconds],
  });
  const { wait_ms: waitMs, locked_key: lockedKey, taken_at: takenAt } = rows[0] as TryRow;
  return takenAt === null ? { waitMs, lockedKey } : { takenAt };
}

/** Says what became of a try: a failed one stays, and may lock its keys; any other never was. */
export async function settleTry(db: Db, limits: TryLimits, takenAt: string, isFailure: boolean): Promise<void> {
  const { keys, triesMax, windowSeconds, lockSeconds } = limits;
  await runNamed(db, {
    name: 'settle_try',
    text: 'select settle_try($1, $2, make_interval(secs => $3), make_interval(secs => $4), $5, $6)',
    values: [keys, triesMax, windowSeconds, lockSeconds, takenAt, isFailure],
  });
}

/** Deletes the counters that no longer matter. */
export async function deleteOverThrottles(db: Step): Promise<void> {
  await db.kysely.deleteFrom('throttle').where('ends_at', '<', sql<Date>`clock_timestamp()`).execute();
}
