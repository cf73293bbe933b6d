/** What calls came to and cost, counted: days that are over from what was counted of them, everything else from the rows. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';
import { query } from '../db/pool.ts';
import type { Step } from './transaction.ts';

/** What one call of {@link rollCalls} did. */
export type CallRollOutcome =
  /** Some days are counted now; there may be more. */
  | 'rolled'
  /** The clock went back: days will be counted anew. There is more to do. */
  | 'unrolled'
  /** Nothing is left to be counted. */
  | 'done'
  /** A transaction that began before the days were over may still write into them. */
  | 'later'
  /** Another process is at it. */
  | 'busy';

/**
 * Counts the next days that are over, `days` at most from the next call on, in one transaction. Safe to run in every process at once
 * and to repeat after any crash.
 *
 * @param now what time it is; the database's time unless it is given.
 */
export async function rollCalls(db: Step, days: number, now?: Date): Promise<CallRollOutcome> {
  const at = now === undefined ? sql`clock_timestamp()` : sql`${now}`;
  const { rows } = await sql<{ outcome: CallRollOutcome }>`select call_roll(${days}, ${at}) as outcome`.execute(
    db.kysely,
  );
  return rows[0]?.outcome ?? 'busy';
}

/** The calls of one provider and model on one day (UTC). */
export interface DayCalls {
  /** As `2026-11-23`. */
  readonly day: string;
  readonly providerId: string;
  readonly model: string;
  readonly isTest: boolean;
  /** How many calls ended how, by name. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly chargedNo: number;
  readonly chargedMaybe: number;
  readonly chargedYes: number;
  /** The price of the calls that were charged, in millionths: sums of decimals stay exact. */
  readonly knownMillionths: number;
  /** The price of those that perhaps were. */
  readonly possibleMillionths: number;
  /** Of both, those whose price is not known. */
  readonly unpriced: number;
}

type CallTuple = [
  day: string,
  providerId: string,
  model: string,
  isTest: boolean,
  outcomes: Record<string, number>,
  chargedNo: number,
  chargedMaybe: number,
  chargedYes: number,
  knownMillionths: number,
  possibleMillionths: number,
  unpriced: number,
];

/**
 * The calls of whole days, by day, provider and model; test runs by themselves. They come as one JSON text: to read 2,400 rows of 400
 * days took this process 11 ms, the text 5.
 *
 * @param slotId undefined: of all slots together.
 */
export async function countCalls(
  db: Step,
  { from, to }: { readonly from: Date; readonly to: Date },
  slotId?: string,
): Promise<DayCalls[]> {
  const { rows } = await sql<{ calls: CallTuple[] | null }>`
    select json_agg(json_build_array(day, provider_id, model, is_test, outcomes, charged_no, charged_maybe, charged_yes,
      (known * 1000000)::int8, (possible * 1000000)::int8, unpriced) order by day, provider_id, model, is_test) as calls
    from call_figures(${from}, ${to}, ${slotId ?? null})`.execute(db.kysely);
  return (rows[0]?.calls ?? []).map(
    ([day, providerId, model, isTest, outcomes, no, maybe, yes, knownMillionths, possibleMillionths, unpriced]) => ({
      day,
      providerId,
      model,
      isTest,
      outcomes,
      chargedNo: no,
      chargedMaybe: maybe,
      chargedYes: yes,
      knownMillionths,
      possibleMillionths,
      unpriced,
    }),
  );
}

/** What a slot with a budget spent today (UTC). */
export interface SlotSpending {
  readonly slotId: string;
  /** Calls that were perhaps charged included, test runs not. */
  readonly spent: number;
  /** The day. */
  readonly day: string;
  /** When the next one begins. */
  readonly dayEndsAt: Date;
}

// as the queue counts it before it admits a paid call
const SPENT = `(select coalesce(sum(c.price), 0) from provider_call c
  where c.slot_id = slot.id and c.charged <> 'no' and not c.is_test and c.ended_at >= day_of(now()))`;

/** What every slot with a budget spent today, by the rule that the queue goes by. @param slotId only that slot. */
export async function readSpending(db: Step, slotId?: string): Promise<SlotSpending[]> {
  const only = slotId === undefined ? sql`` : sql`and id = ${slotId}`;
  const { rows } = await sql<SlotSpending>`
    select id as "slotId", ${sql.raw(SPENT)}::float8 as spent, (now() at time zone 'UTC')::date::text as day,
      lane_day_end('UTC') as "dayEndsAt"
    from slot where daily_budget is not null ${only} order by id`.execute(db.kysely);
  return rows;
}

/**
 * Takes the right to say once on a day that a slot's budget is nearly, or wholly, used up.
 *
 * @returns whether nobody has said it yet.
 */
export async function claimNotice(
  db: Step,
  notice: { readonly slotId: string; readonly day: string; readonly state: 'warned' | 'used_up' },
): Promise<boolean> {
  const { rows } = await sql`
    with old as (delete from budget_notice where slot_id = ${notice.slotId} and day < ${notice.day}::date)
    insert into budget_notice (slot_id, day, state) values (${notice.slotId}, ${notice.day}, ${notice.state})
    on conflict do nothing returning 1`.execute(db.kysely);
  return rows.length === 1;
}

/** How much of a slot's budget is spent today. */
export interface BudgetUse {
  readonly slotId: string;
  /** 1: all of it. */
  readonly ratio: number;
}

/** How much of each budget is spent. @throws QueryTimeoutError after `timeoutMs`, waiting for a connection included. */
export function readBudgetUse(db: Db, timeoutMs: number): Promise<BudgetUse[]> {
  const statement = {
    name: 'budget_use',
    text: `select id as "slotId", (${SPENT} / daily_budget)::float8 as ratio from slot where daily_budget is not null`,
    values: [],
  };
  return query<BudgetUse>(db.pool, statement, { timeoutMs });
}

/** Today's calls (UTC) of one provider, test runs included. */
export interface TodaysCalls {
  readonly providerId: string;
  readonly chargedNo: number;
  readonly chargedMaybe: number;
  readonly chargedYes: number;
  readonly known: number;
  readonly possible: number;
  readonly unpriced: number;
  /** Pictures that a fallback link made. */
  readonly fallbackPictures: number;
}

/** Today's calls by provider. @throws QueryTimeoutError after `timeoutMs`, waiting for a connection included. */
export function readTodaysCalls(db: Db, timeoutMs: number): Promise<TodaysCalls[]> {
  const statement = {
    name: 'todays_calls',
    text: `select provider_id as "providerId", count(*) filter (where charged = 'no')::int as "chargedNo",
        count(*) filter (where charged = 'maybe')::int as "chargedMaybe", count(*) filter (where charged = 'yes')::int as "chargedYes",
        coalesce(sum(price) filter (where charged = 'yes'), 0)::float8 as known,
        coalesce(sum(price) filter (where charged = 'maybe'), 0)::float8 as possible,
        count(*) filter (where charged <> 'no' and price is null)::int as unpriced,
        count(*) filter (where outcome = 'image' and link_no > 0)::int as "fallbackPictures"
      from provider_call where ended_at >= day_of(now()) group by provider_id`,
    values: [],
  };
  return query<TodaysCalls>(db.pool, statement, { timeoutMs });
}
