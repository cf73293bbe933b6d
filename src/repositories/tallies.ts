/** What happened, counted: hours that are over from the tallies, everything else from the rows, each event once. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';
import type { EventCounts, Grouping, StatisticsRange } from '../domain/statistics.ts';

/** What one call of {@link rollTallies} did. */
export type RollOutcome =
  /** Some hours are counted now; there may be more. */
  | 'rolled'
  /** The clock went back: hours will be counted anew. There is more to do. */
  | 'unrolled'
  /** Nothing is left to be counted. */
  | 'done'
  /** A transaction that began before the hours were over may still write into them. */
  | 'later'
  /** Another process is at it. */
  | 'busy';

/**
 * Counts the next hours that are over, `hours` at most from the next event on, in one transaction. Safe to run in every process at
 * once and to repeat after any crash.
 *
 * @param now what time it is; the database's time unless it is given.
 */
export async function rollTallies(db: Pick<Db, 'kysely'>, hours: number, now?: Date): Promise<RollOutcome> {
  const at = now === undefined ? sql`clock_timestamp()` : sql`${now}`;
  const { rows } = await sql<{ outcome: RollOutcome }>`select tally_roll(${hours}, ${at}) as outcome`.execute(
    db.kysely,
  );
  return rows[0]?.outcome ?? 'busy';
}

/** What happened in one of the periods. */
export interface PeriodCounts extends EventCounts {
  /** When the period begins, in milliseconds since 1970; the first one begins with the range. */
  readonly startMs: number;
  /** Latencies of the successes: lists of bucket and count in turn. */
  readonly latencies: readonly (readonly number[])[];
}

/** The rules of the domain, told to the database: to send it the 744 beginnings of 31 days by hour took 3 ms of 17. */
const PERIOD_OF = {
  hour: sql`hour_of(t.starts_at)`,
  day: sql`day_of(t.starts_at)`,
  week: sql`week_of(t.starts_at)`,
  month: sql`date_trunc('month', t.starts_at, 'UTC')`,
} as const satisfies Record<Grouping, unknown>;

const COUNTS =
  sql.raw(`sum(t.ingest_count)::int as "ingestCount", sum(t.success)::int as success, sum(t.timeouts)::int as timeouts,
  sum(t.provider_errors)::int as "providerErrors", sum(t.cancelled)::int as cancelled, json_agg(t.latency) as latencies`);

const startOf = ({ from, groupBy }: StatisticsRange) =>
  sql`(extract(epoch from greatest(${PERIOD_OF[groupBy]}, ${from}::timestamptz)) * 1000)::float8 as "startMs"`;

const byHour = ({ groupBy }: StatisticsRange): boolean => groupBy === 'hour';

/** What happened in all slots, or in one; periods without events are not there. */
export async function countEvents(
  db: Pick<Db, 'kysely'>,
  range: StatisticsRange,
  filter: { readonly slotId?: string | undefined; readonly providerId?: string | undefined },
): Promise<PeriodCounts[]> {
  const slots = filter.slotId === undefined ? sql`array(select id from slot)` : sql`array[${filter.slotId}]`;
  const { rows } = await sql<PeriodCounts>`
    select ${startOf(range)}, ${COUNTS}
    from event_tally(${range.from}, ${range.to}, ${slots}, ${filter.providerId ?? null}, ${byHour(range)}) t
    group by 1`.execute(db.kysely);
  return rows;
}

/** What happened in a slot since its statistics were last reset. */
export interface SlotEvents {
  readonly name: string;
  readonly lastResetAt: Date | null;
  readonly periods: readonly PeriodCounts[];
}

/** The slot and its events, in one snapshot: what came before the last reset is left out. */
export async function countSlotEvents(
  db: Pick<Db, 'kysely'>,
  range: StatisticsRange,
  slotId: string,
): Promise<SlotEvents | undefined> {
  const { rows } = await sql<{ name: string; lastResetAt: Date | null } & (PeriodCounts | { startMs: null })>`
    with slots as materialized (select id, name, last_reset_at as "lastResetAt" from slot where id = ${slotId}),
    periods as (
      select ${startOf(range)}, ${COUNTS} from slots s
      cross join lateral event_tally(greatest(${range.from}, s."lastResetAt"), ${range.to}, array[s.id], null, ${byHour(range)}) t
      group by 1
    )
    select s.name, s."lastResetAt", periods.* from slots s left join periods on true`.execute(db.kysely);
  const [slot] = rows;
  if (slot === undefined) return undefined;
  const periods = rows.filter((row): row is typeof row & PeriodCounts => row.startMs !== null);
  return { name: slot.name, lastResetAt: slot.lastResetAt, periods };
}
