import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addLatencies, createHistogram, LATENCY_BUCKETS, latencyPercentiles } from '../../src/domain/latency.ts';

/** The rule of the buckets, told a second time. */
const bucketOf = (ms: number): number =>
  Math.min(LATENCY_BUCKETS - 1, Math.max(0, Math.ceil(8 * Math.log2(Math.max(ms, 10) / 10))));

const percentilesOf = (values: readonly number[]) => {
  const histogram = createHistogram();
  addLatencies(
    histogram,
    values.map((ms) => [bucketOf(ms), 1]),
  );
  return latencyPercentiles(histogram);
};

const exact = (values: readonly number[], percent: number): number =>
  values.toSorted((left, right) => left - right)[Math.ceil((values.length * percent) / 100) - 1] as number;

describe('percentiles', () => {
  test('of nothing are none', () => {
    expect(latencyPercentiles(createHistogram())).toBeNull();
  });

  test('are at most 4.5 % off, from 10 ms to 600 s', () => {
    const latencies = fc.array(fc.integer({ min: 10, max: 600_000 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(latencies, (values) => {
        const { p50, p95, p99 } = percentilesOf(values) ?? expect.unreachable();
        for (const [percent, told] of [
          [50, p50],
          [95, p95],
          [99, p99],
        ] as const) {
          const real = exact(values, percent);
          expect(Math.abs(told - real)).toBeLessThanOrEqual(0.045 * real + 0.5);
        }
      }),
    );
  });

  test('below 10 ms are told as 10, and above 600 s as the last bucket', () => {
    expect(percentilesOf([0, 3, 9])).toEqual({ p50: 10, p95: 10, p99: 10 });
    expect(percentilesOf([10_000_000])?.p50).toBeGreaterThan(570_000);
  });

  test('are those of all parts together, whatever the parts', () => {
    const counted = fc.array(
      fc.tuple(fc.integer({ min: 0, max: LATENCY_BUCKETS - 1 }), fc.integer({ min: 1, max: 99 })),
    );
    fc.assert(
      fc.property(counted, counted, (left, right) => {
        const [apart, together] = [createHistogram(), createHistogram()];
        addLatencies(apart, left);
        addLatencies(apart, right);
        addLatencies(together, [[...left, ...right].flat()]);
        expect(apart).toEqual(together);
      }),
    );
  });
});
