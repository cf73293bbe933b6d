import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProviderFailureFacts } from '../../src/domain/provider-failure.ts';
import {
  ATTEMPTS_MAX,
  attemptTimeoutMs,
  DELIVERY_RESERVE_MS,
  decideRetry,
  deliveryReserveMs,
  type RetryQuestion,
} from '../../src/domain/retry.ts';

const WINDOW_MS = 48_000;
const UNAVAILABLE: ProviderFailureFacts = { kind: 'unavailable', retryable: true, charged: 'no' };

const ask = (question: Partial<RetryQuestion>) =>
  decideRetry({
    failure: UNAVAILABLE,
    attemptNo: 1,
    leftMs: WINDOW_MS,
    tookMs: 1_200,
    slowCallMs: 15_000,
    chance: 0.5,
    ...question,
  });

const durations = fc.double({ min: -1_000, max: 120_000, noNaN: true });
const slowCalls = fc.double({ min: 1, max: 60_000, noNaN: true });
const attempts = fc.integer({ min: 1, max: ATTEMPTS_MAX + 2 });

describe('the time of an attempt', () => {
  const timeout = (slowCallMs: number, attemptNo = 1, leftMs = WINDOW_MS) =>
    attemptTimeoutMs({ leftMs, attemptNo, slowCallMs });

  test('leaves a slow call for the retry where the window holds two: 15 s of 48', () => {
    expect(timeout(15_000)).toBe(WINDOW_MS - DELIVERY_RESERVE_MS - 15_000);
  });

  test('is all that is left where a second slow call could not finish: 40 s of 48', () => {
    expect(timeout(40_000)).toBe(WINDOW_MS - DELIVERY_RESERVE_MS);
  });

  test('holds two slow calls just at the edge', () => {
    const slowCallMs = (WINDOW_MS - DELIVERY_RESERVE_MS) / 2;
    expect(timeout(slowCallMs)).toBe(slowCallMs);
    expect(timeout(slowCallMs + 1)).toBe(WINDOW_MS - DELIVERY_RESERVE_MS);
  });

  test('is all that is left for the last attempt', () => {
    expect(timeout(1_000, ATTEMPTS_MAX)).toBe(WINDOW_MS - DELIVERY_RESERVE_MS);
    expect(timeout(1_000, ATTEMPTS_MAX - 1)).toBe(WINDOW_MS - DELIVERY_RESERVE_MS - 1_000);
  });

  test('is nothing when nothing is left', () => {
    expect(timeout(15_000, 1, 0)).toBe(0);
    expect(timeout(15_000, 1, -5)).toBe(0);
  });

  test('never exceeds what is left, is never below 0, and always keeps the reserve for delivery', () => {
    fc.assert(
      fc.property(durations, attempts, slowCalls, (leftMs, attemptNo, slowCallMs) => {
        const timeoutMs = attemptTimeoutMs({ leftMs, attemptNo, slowCallMs });
        expect(timeoutMs).toBeGreaterThanOrEqual(0);
        expect(timeoutMs).toBeLessThanOrEqual(Math.max(0, leftMs - deliveryReserveMs(leftMs)));
      }),
    );
  });

  test('is either all that is usable or leaves just a slow call, and then is at least a slow call itself', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 120_000, noNaN: true }),
        attempts,
        slowCalls,
        (leftMs, attemptNo, slowCallMs) => {
          const timeoutMs = attemptTimeoutMs({ leftMs, attemptNo, slowCallMs });
          const usableMs = leftMs - deliveryReserveMs(leftMs);
          if (timeoutMs === usableMs) return;
          expect(timeoutMs).toBeCloseTo(usableMs - slowCallMs, 6);
          expect(timeoutMs).toBeGreaterThanOrEqual(slowCallMs);
        },
      ),
    );
  });
});

describe('the reserve for delivery', () => {
  test.each([
    [48_000, 1_000],
    [10_000, 1_000],
    [5_000, 500],
    [0, 0],
  ])('of %d ms left is %d ms', (leftMs, reserveMs) => {
    expect(deliveryReserveMs(leftMs)).toBe(reserveMs);
  });
});

describe('a failed call is made again', () => {
  test('at once after an empty answer that came fast, with most of the window unused', () => {
    expect(ask({ failure: { kind: 'empty', retryable: true, charged: 'no' } })).toEqual({ retry: true, waitMs: 0 });
  });

  test.each([
    ['a second empty answer', { attemptNo: 2 }],
    ['an empty answer that took long', { tookMs: 5_000 }],
  ])('after a pause when it was %s', (_, facts) => {
    const decision = ask({ failure: { kind: 'empty', retryable: true, charged: 'no' }, ...facts });
    expect(decision).toMatchObject({ retry: true });
    if (decision.retry) expect(decision.waitMs).toBeGreaterThan(0);
  });

  test('when the service said, and not before, even after an empty answer', () => {
    for (const chance of [0, 0.5, 0.999]) {
      for (const kind of ['throttled', 'unavailable', 'empty'] as const) {
        const decision = ask({ failure: { kind, retryable: true, charged: 'no', retryAfterMs: 7_000 }, chance });
        if (!decision.retry) return expect.unreachable();
        expect(decision.waitMs).toBeGreaterThanOrEqual(7_000);
        expect(decision.waitMs).toBeLessThan(7_500);
      }
    }
  });

  test('as long as a quick call of this provider fits in what is left', () => {
    expect(ask({ leftMs: 3_600, slowCallMs: 15_000 })).toMatchObject({ retry: true });
    expect(ask({ leftMs: 3_400, slowCallMs: 10_000 })).toMatchObject({ retry: true });
  });

  test('after pauses that double from 250 ms to at most 4 s, each of them at least half', () => {
    const pauses = (chance: number) =>
      [1, 2, 3, 4].map((attemptNo) => {
        const decision = ask({ attemptNo, chance });
        return decision.retry ? decision.waitMs : Number.NaN;
      });
    expect(pauses(0)).toEqual([125, 250, 500, 1_000]);
    expect(pauses(0.999_999).map(Math.round)).toEqual([250, 500, 1_000, 2_000]);
  });
});

describe('a failed call is not made again', () => {
  test.each(['refused', 'invalid_key', 'bad_request'] as const)('after %s: the answer will not change', (kind) => {
    expect(ask({ failure: { kind, retryable: false, charged: 'no' } })).toMatchObject({ retry: false });
    expect(ask({ failure: { kind, retryable: false, charged: 'no', retryAfterMs: 10 } })).toMatchObject({
      retry: false,
    });
  });

  test('when the quota is used up until its reset, whatever the service hints', () => {
    const failure = { kind: 'throttled', retryable: true, charged: 'no', exhausted: true, retryAfterMs: 10 } as const;
    expect(ask({ failure })).toMatchObject({ retry: false });
  });

  test('when all attempts are used up', () => {
    expect(ask({ attemptNo: ATTEMPTS_MAX - 1 })).toMatchObject({ retry: true });
    expect(ask({ attemptNo: ATTEMPTS_MAX })).toMatchObject({ retry: false });
    expect(ask({ attemptNo: ATTEMPTS_MAX + 1 })).toMatchObject({ retry: false });
  });

  test.each([
    [
      'the hint leads past the window',
      { leftMs: 20_000, failure: { kind: 'throttled', retryable: true, charged: 'no', retryAfterMs: 20_000 } },
    ],
    [
      'the hint ends in the reserve for delivery',
      { leftMs: 20_000, failure: { kind: 'throttled', retryable: true, charged: 'no', retryAfterMs: 19_100 } },
    ],
    ['no call of this provider is quick enough for what is left', { leftMs: 3_400, slowCallMs: 15_000 }],
    ['nothing is left', { leftMs: 0 }],
    ['the window has closed', { leftMs: -1_000 }],
    ['nothing is left for a retry at once', { leftMs: 0, failure: { kind: 'empty', retryable: true, charged: 'no' } }],
  ] as const)('when %s', (_, facts) => {
    expect(ask(facts)).toEqual({ retry: false, why: 'the window closes before a retry could help' });
  });

  test('and the reason is told', () => {
    for (const facts of [
      { leftMs: 0 },
      { attemptNo: ATTEMPTS_MAX },
      { failure: { kind: 'refused', retryable: false, charged: 'no' } },
    ] as const) {
      const decision = ask(facts);
      expect(decision.retry ? '' : decision.why).toMatch(/\w{3,}/);
    }
  });
});

test('a retry always fits: its pause ends before the window less the reserve, and is never negative', () => {
  fc.assert(
    fc.property(
      fc.record({
        failure: fc.record({
          kind: fc.constantFrom('throttled' as const, 'unavailable' as const, 'empty' as const, 'bad_answer' as const),
          retryable: fc.constant(true),
          charged: fc.constant('no' as const),
          retryAfterMs: fc.option(fc.nat({ max: 60_000 }), { nil: undefined }).map((ms) => ms ?? 0),
        }),
        attemptNo: attempts,
        leftMs: durations,
        tookMs: fc.nat({ max: 60_000 }),
        slowCallMs: slowCalls,
        chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
      (question) => {
        const decision = decideRetry(question);
        if (!decision.retry) return;
        expect(decision.waitMs).toBeGreaterThanOrEqual(0);
        expect(decision.waitMs).toBeLessThan(question.leftMs - deliveryReserveMs(question.leftMs));
        expect(question.attemptNo).toBeLessThan(ATTEMPTS_MAX);
      },
    ),
  );
});

test('a call that is known to be charged is never made again: that would be a double charge', () => {
  for (const kind of ['empty', 'unavailable', 'throttled', 'bad_answer'] as const) {
    expect(ask({ failure: { kind, retryable: true, charged: 'yes' } })).toMatchObject({ retry: false });
  }
});
