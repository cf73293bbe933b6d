/**
 * Counting without a cost that a request could feel: plain numbers in plain maps, turned into samples only when somebody asks.
 */

/** The values of a series' labels, in the order of the metric's label names. */
export type LabelValues = readonly string[];

/** Counters of one metric, by the values of its labels. */
export interface Counts {
  add(labels: LabelValues, by?: number): void;
  entries(): Iterable<{ readonly labels: LabelValues; readonly value: number }>;
}

/** @param known series that exist from the beginning with 0, so that their first event shows as a rise. */
export function createCounts(known: readonly LabelValues[] = []): Counts {
  const series = new Map<string, { readonly labels: LabelValues; value: number }>();
  const find = (labels: LabelValues) => {
    const key = labels.join('\n');
    let found = series.get(key);
    if (found === undefined) {
      found = { labels, value: 0 };
      series.set(key, found);
    }
    return found;
  };
  for (const labels of known) find(labels);
  return {
    add(labels, by = 1) {
      find(labels).value += by;
    },
    entries: () => series.values(),
  };
}

/** How observed values spread over buckets. */
export interface Spread {
  /** How many fell into each bucket alone; the last one takes what is above every bound. */
  readonly inBucket: Float64Array;
  sum: number;
}

/** An empty spread over buckets with these inclusive upper bounds. */
export const createSpread = (bounds: readonly number[]): Spread => ({
  inBucket: new Float64Array(bounds.length + 1),
  sum: 0,
});

/** Adds a value. @param bounds those the spread was made with, ascending. */
export function observe(spread: Spread, bounds: readonly number[], value: number): void {
  let index = 0;
  while (index < bounds.length && value > (bounds[index] as number)) index += 1;
  spread.inBucket[index] = (spread.inBucket[index] as number) + 1;
  spread.sum += value;
}

/** Spreads of one metric, by the values of its labels. */
export interface Spreads {
  readonly bounds: readonly number[];
  observe(labels: LabelValues, value: number): void;
  entries(): Iterable<{ readonly labels: LabelValues; readonly spread: Spread }>;
}

/** No series yet. */
export function createSpreads(bounds: readonly number[]): Spreads {
  const series = new Map<string, { readonly labels: LabelValues; readonly spread: Spread }>();
  return {
    bounds,
    observe(labels, value) {
      const key = labels.join('\n');
      let found = series.get(key);
      if (found === undefined) {
        found = { labels, spread: createSpread(bounds) };
        series.set(key, found);
      }
      observe(found.spread, bounds, value);
    },
    entries: () => series.values(),
  };
}
