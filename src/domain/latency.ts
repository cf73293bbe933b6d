/**
 * Latencies, counted in buckets that grow by the eighth root of two, from 10 ms to 600 s: a percentile is told as the middle of its
 * bucket, so it is at most 4.5 % away from the exact one, and figures of any periods can be added up.
 */

const BUCKETS_PER_OCTAVE = 8;
const SMALLEST_MS = 10;
/** Bucket 0 ends at 10 ms, bucket `i` at 10 ms · 2^(i/8); the last one has no end. The database counts by the same rule. */
export const LATENCY_BUCKETS = 128;

/** How many successes each bucket holds. */
export type LatencyHistogram = Uint32Array;

/** The latencies that half, 95 % and 99 % of the successes do not exceed, in milliseconds. */
export interface LatencyPercentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** An empty histogram. */
export const createHistogram = (): LatencyHistogram => new Uint32Array(LATENCY_BUCKETS);

/** Adds what was counted elsewhere: lists of bucket and count in turn. */
export function addLatencies(histogram: LatencyHistogram, counted: readonly (readonly number[])[]): void {
  for (const pairs of counted) {
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const bucket = pairs[at] as number;
      histogram[bucket] = (histogram[bucket] ?? 0) + (pairs[at + 1] as number);
    }
  }
}

/** Adds one histogram to another. */
export function addHistogram(histogram: LatencyHistogram, other: LatencyHistogram): void {
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
    histogram[bucket] = (histogram[bucket] as number) + (other[bucket] as number);
}

/** The percentiles, by nearest rank; null where nothing was counted. Called for each of up to 744 periods: one pass, no allocation. */
export function latencyPercentiles(histogram: LatencyHistogram): LatencyPercentiles | null {
  let total = 0;
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) total += histogram[bucket] as number;
  if (total === 0) return null;
  const [p50, p95, p99] = [Math.ceil(total / 2), Math.ceil((total * 95) / 100), Math.ceil((total * 99) / 100)];
  const told = { p50: 0, p95: 0, p99: 0 };
  for (let bucket = 0, counted = 0; counted < p99; bucket++) {
    const before = counted;
    counted += histogram[bucket] as number;
    if (before < p50 && counted >= p50) told.p50 = middleMs(bucket);
    if (before < p95 && counted >= p95) told.p95 = middleMs(bucket);
    if (before < p99 && counted >= p99) told.p99 = middleMs(bucket);
  }
  return told;
}

const middleMs = (bucket: number): number =>
  Math.round(SMALLEST_MS * 2 ** (Math.max(0, bucket - 0.5) / BUCKETS_PER_OCTAVE));
