import type { PeriodFigures } from './metrics.ts';

const HEAD = [
  'period_start',
  'period_end',
  'ingest_count',
  'total_runs',
  'success',
  'timeouts',
  'provider_errors',
  'cancelled',
  'errors',
  'timeout_share',
] as const satisfies (keyof PeriodFigures)[];

/** Periods as a table, one row each; where all are of one slot, its id is the first column. */
export function metricsTable(periods: readonly PeriodFigures[], slotId?: string) {
  const head = [...HEAD, 'latency_p50_ms', 'latency_p95_ms', 'latency_p99_ms'];
  const rows = periods.map((period) => {
    const { p50, p95, p99 } = period.latency_ms ?? { p50: null, p95: null, p99: null };
    return [...HEAD.map((name) => period[name]), p50, p95, p99];
  });
  if (slotId === undefined) return { head, rows };
  return { head: ['slot_id', ...head], rows: rows.map((row) => [slotId, ...row]) };
}

/** The days of a range, for a file's name. */
export const daysOf = ({ from, to }: { readonly from: string; readonly to: string }): string =>
  [from, to].map((at) => at.slice(0, 10).replaceAll('-', '')).join('-');
