/** Which days statistics are about, and the periods they are told in. All of it is UTC; weeks begin on Monday. */
import { DomainError, type FieldFault } from './errors.ts';

/** What a period is; the first and the last one are cut to the range. */
export type Grouping = 'hour' | 'day' | 'week' | 'month';

/** What happened in a period. Each event counts once: an ingest when it arrived, an end when it came. */
export interface EventCounts {
  readonly ingestCount: number;
  readonly success: number;
  readonly timeouts: number;
  readonly providerErrors: number;
  readonly cancelled: number;
}

/** From one moment until just before another. */
export interface Period {
  readonly start: Date;
  /** Exclusive. */
  readonly end: Date;
}

/** A range and the periods it is cut into. */
export interface StatisticsRange {
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly groupBy: Grouping;
}

/** What was asked for: dates or date-times, as the contract spells them. */
export interface AskedRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly groupBy?: Grouping | undefined;
}

/** How long a range may be, and what holds where nothing was asked for. */
export interface RangeRules {
  readonly daysMax: number;
  readonly groupBy: Grouping;
  /** The default range ends with today and has so many of the default periods. */
  readonly periods: number;
}

/** A slot's statistics: 14 days, by day. */
export const SLOT_RANGE: RangeRules = { daysMax: 31, groupBy: 'day', periods: 14 };
/** Statistics over all slots: this week and the seven before, by week. */
export const GLOBAL_RANGE: RangeRules = { daysMax: 90, groupBy: 'week', periods: 8 };

/** What calls cost: 30 days, by day. */
export const COST_RANGE: RangeRules = { daysMax: 400, groupBy: 'day', periods: 30 };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const A_MONDAY = Date.UTC(2000, 0, 3);
/** Far enough for every job there is, and within what every part of the system can write down. */
const EARLIEST = Date.UTC(2000, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

/** The beginning of the period that a moment lies in. */
export function periodStart(at: Date, grouping: Grouping): Date {
  const time = at.getTime();
  switch (grouping) {
    case 'hour':
      return new Date(Math.floor(time / HOUR_MS) * HOUR_MS);
    case 'day':
      return new Date(Math.floor(time / DAY_MS) * DAY_MS);
    case 'week':
      return new Date(A_MONDAY + Math.floor((time - A_MONDAY) / WEEK_MS) * WEEK_MS);
    case 'month':
      return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth()));
  }
}

/** The beginning of the period that is `count` periods after the one that begins at `start`. */
function shiftPeriod(start: Date, grouping: Grouping, count: number): Date {
  if (grouping === 'month') return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + count));
  const lengthMs = { hour: HOUR_MS, day: DAY_MS, week: WEEK_MS }[grouping];
  return new Date(start.getTime() + count * lengthMs);
}

/** The periods of a range, rising, without gaps or overlaps; the first begins where it begins, the last ends where it ends. */
export function periodsOf({ from, to, groupBy }: StatisticsRange): Period[] {
  const periods: Period[] = [];
  let start = from;
  while (start < to) {
    const next = shiftPeriod(periodStart(start, groupBy), groupBy, 1);
    const end = next < to ? next : to;
    periods.push({ start, end });
    start = end;
  }
  return periods;
}

/**
 * The range that is meant. Without `to` it ends with today; without `from` it has the default's number of periods.
 *
 * @throws DomainError `invalid_request` with the faulty fields: no moment, too far away, reversed, empty or too long.
 */
export function resolveRange(asked: AskedRange, rules: RangeRules, now: Date): StatisticsRange {
  const faults: FieldFault[] = [];
  const askedFrom = momentOf('from', asked.from, faults);
  const to = momentOf('to', asked.to, faults) ?? shiftPeriod(periodStart(now, 'day'), 'day', 1);
  const from = askedFrom ?? defaultFrom(to, rules);
  if (faults.length === 0)
    faults.push(...rangeFaults(from, to, asked.to === undefined ? '/query/from' : '/query/to', rules));
  if (faults.length > 0)
    throw new DomainError('invalid_request', 'There are no statistics of this range.', { details: { fields: faults } });
  return { from, to, groupBy: asked.groupBy ?? rules.groupBy };
}

function defaultFrom(to: Date, { groupBy, periods }: RangeRules): Date {
  const last = periodStart(new Date(to.getTime() - 1), groupBy);
  return shiftPeriod(last, groupBy, 1 - periods);
}

function momentOf(name: 'from' | 'to', text: string | undefined, faults: FieldFault[]): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (at.getTime() >= EARLIEST && at.getTime() <= LATEST) return at;
  const message = Number.isNaN(at.getTime()) ? 'is not a moment' : 'must lie between the years 2000 and 2100';
  faults.push({ pointer: `/query/${name}`, message, keyword: 'format' });
  return undefined;
}

function rangeFaults(from: Date, to: Date, pointer: string, { daysMax }: RangeRules): FieldFault[] {
  const lengthMs = to.getTime() - from.getTime();
  if (lengthMs <= 0)
    return [{ pointer, message: 'must leave a range: to is exclusive and after from', keyword: 'range' }];
  if (lengthMs > daysMax * DAY_MS)
    return [{ pointer, message: `must leave a range of at most ${daysMax} days`, keyword: 'range' }];
  return [];
}
