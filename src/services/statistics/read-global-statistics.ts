import { type AskedRange, GLOBAL_RANGE, resolveRange } from '../../domain/statistics.ts';
import { countEvents } from '../../repositories/tallies.ts';
import { needDatabase } from '../database-fault.ts';
import { type Figures, figuresOf, type PeriodFigures, type RangeView, rangeView } from './metrics.ts';
import type { StatisticsDeps } from './read-slot-statistics.ts';

/** Which events, which periods of them, and in which order. */
export interface GlobalStatisticsWish extends AskedRange {
  readonly slotId?: string | undefined;
  readonly providerId?: string | undefined;
  readonly sortBy: 'period_start' | 'success' | 'errors' | 'ingest_count';
  readonly sortOrder: 'asc' | 'desc';
  /** From 1. */
  readonly page: number;
  /** Undefined: all periods are one page. */
  readonly pageSize: number | undefined;
}

/** How all slots did. */
export interface GlobalStatistics {
  readonly range: RangeView<'day' | 'week' | 'month'>;
  /** Of the whole range, whatever the page. */
  readonly summary: Figures;
  readonly data: PeriodFigures[];
  readonly meta: { readonly page: number; readonly page_size: number; readonly total: number };
}

/**
 * How all slots did, or one of them, or one provider; resets of slots do not matter here. Exact at the moment of the call.
 *
 * @throws DomainError `invalid_request`, `queue_unavailable`.
 */
export async function readGlobalStatistics(
  { db, now }: StatisticsDeps,
  { slotId, providerId, sortBy, sortOrder, page, pageSize, ...asked }: GlobalStatisticsWish,
): Promise<GlobalStatistics> {
  const range = resolveRange(asked, GLOBAL_RANGE, now());
  const counts = await needDatabase(countEvents(db, range, { slotId, providerId }));
  const { whole, periods } = figuresOf(range, counts);
  const size = pageSize ?? Math.max(1, periods.length);
  return {
    range: rangeView(range),
    summary: whole,
    data: sortPeriods(periods, sortBy, sortOrder).slice((page - 1) * size, page * size),
    meta: { page, page_size: size, total: periods.length },
  };
}

/** The periods come in the order of time, and those with the same figure stay in it. */
function sortPeriods(
  periods: readonly PeriodFigures[],
  sortBy: GlobalStatisticsWish['sortBy'],
  sortOrder: GlobalStatisticsWish['sortOrder'],
): PeriodFigures[] {
  if (sortBy === 'period_start') return sortOrder === 'asc' ? [...periods] : periods.toReversed();
  const sign = sortOrder === 'asc' ? 1 : -1;
  return periods.toSorted((left, right) => sign * (left[sortBy] - right[sortBy]));
}
