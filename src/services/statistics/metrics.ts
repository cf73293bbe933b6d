/** Figures of statistics, with the names of the contract. */
import {
  addHistogram,
  addLatencies,
  createHistogram,
  type LatencyHistogram,
  type LatencyPercentiles,
  latencyPercentiles,
} from '../../domain/latency.ts';
import { periodsOf, type StatisticsRange } from '../../domain/statistics.ts';
import type { PeriodCounts } from '../../repositories/tallies.ts';

/** What happened in some time. */
export interface Figures {
  readonly ingest_count: number;
  /** Jobs that ended. */
  readonly total_runs: number;
  readonly success: number;
  readonly timeouts: number;
  readonly provider_errors: number;
  readonly cancelled: number;
  /** Ends without a picture, of any kind. */
  readonly errors: number;
  /** Timeouts over ends, from 0 to 1; null where nothing ended. */
  readonly timeout_share: number | null;
  /** Of the successes, from arrival to end; null where there is none. */
  readonly latency_ms: LatencyPercentiles | null;
}

/** What happened from `period_start` until before `period_end`. */
export interface PeriodFigures extends Figures {
  readonly period_start: string;
  readonly period_end: string;
}

/** The range as clients are told of it. */
export interface RangeView<By extends string> {
  readonly from: string;
  readonly to: string;
  readonly group_by: By;
}

/** The range as clients are told of it. */
export const rangeView = <By extends string>({ from, to, groupBy }: StatisticsRange): RangeView<By> => ({
  from: from.toISOString(),
  to: to.toISOString(),
  group_by: groupBy as By,
});

/**
 * Every period of the range, those without events as well, and the range as a whole. Of 31 days by hour 3 ms; a histogram and two
 * texts more for each period would make it 5.
 */
export function figuresOf(
  range: StatisticsRange,
  counts: readonly PeriodCounts[],
): { whole: Figures; periods: PeriodFigures[] } {
  const byStart = new Map(counts.map((entry) => [entry.startMs, entry]));
  const total = { counts: { ...NOTHING }, histogram: createHistogram() };
  const histogram = createHistogram();
  let from = range.from.toISOString();
  const periods = periodsOf(range).map(({ start: at, end }): PeriodFigures => {
    const entry = byStart.get(at.getTime()) ?? NO_EVENTS;
    histogram.fill(0);
    addLatencies(histogram, entry.latencies);
    addHistogram(total.histogram, histogram);
    for (const name of COUNTED) total.counts[name] += entry[name];
    const [start, until] = [from, end.toISOString()];
    from = until;
    return { period_start: start, period_end: until, ...toFigures(entry, histogram) };
  });
  return { whole: toFigures(total.counts, total.histogram), periods };
}

type Counted = Omit<PeriodCounts, 'startMs' | 'latencies'>;

const NOTHING: Counted = { ingestCount: 0, success: 0, timeouts: 0, providerErrors: 0, cancelled: 0 };
const NO_EVENTS = { ...NOTHING, latencies: [] };
const COUNTED = Object.keys(NOTHING) as (keyof Counted)[];

function toFigures(counts: Counted, histogram: LatencyHistogram): Figures {
  const errors = counts.timeouts + counts.providerErrors + counts.cancelled;
  const runs = counts.success + errors;
  return {
    ingest_count: counts.ingestCount,
    total_runs: runs,
    success: counts.success,
    timeouts: counts.timeouts,
    provider_errors: counts.providerErrors,
    cancelled: counts.cancelled,
    errors,
    timeout_share: runs === 0 ? null : Math.round((counts.timeouts / runs) * 10_000) / 10_000,
    latency_ms: latencyPercentiles(histogram),
  };
}
