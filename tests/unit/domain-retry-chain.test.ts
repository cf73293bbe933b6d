import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attemptTimeoutMs,
  DELIVERY_RESERVE_MS,
  decideRetry,
  deliveryReserveMs,
  mayCallAgain,
  type RetryQuestion,
  worseCharge,
} from '../../src/domain/retry.ts';

const WINDOW_MS = 48_000;

const ask = (question: Partial<RetryQuestion>) =>
  decideRetry({
    failure: { kind: 'unavailable', retryable: true, charged: 'no' },
    attemptNo: 1,
    leftMs: WINDOW_MS,
    tookMs: 1_200,
    slowCallMs: 15_000,
    chance: 0.5,
    ...question,
  });

const durations = fc.double({ min: -1_000, max: 120_000, noNaN: true });
const slowCalls = fc.double({ min: 1, max: 60_000, noNaN: true });

describe('the time of an attempt, with a chain behind it,', () => {
  const budget = { leftMs: WINDOW_MS, attemptNo: 1, slowCallMs: 15_000 };
  const usableMs = WINDOW_MS - DELIVERY_RESERVE_MS;

  test('leaves what the last link needs', () => {
    expect(attemptTimeoutMs({ ...budget, reserveMs: 3_000 })).toBe(usableMs - 3_000 - 15_000);
    expect(attemptTimeoutMs({ ...budget, slowCallMs: 40_000, reserveMs: 3_000 })).toBe(usableMs - 3_000);
  });

  test('leaves the shorter of a retry and the next provider', () => {
    expect(attemptTimeoutMs({ ...budget, nextUsualMs: 8_000 })).toBe(usableMs - 8_000);
    expect(attemptTimeoutMs({ ...budget, nextUsualMs: 30_000 })).toBe(usableMs - 15_000);
  });

  test('leaves no retry where none may be made', () => {
    expect(attemptTimeoutMs({ ...budget, mayRepeat: false })).toBe(usableMs);
    expect(attemptTimeoutMs({ ...budget, mayRepeat: false, nextUsualMs: 8_000 })).toBe(usableMs - 8_000);
  });

  test('is not spent on a hang once the latest calls say how long calls take', () => {
    const learnt = { ...budget, slowCallMs: 4_000, isLearnt: true };
    expect(attemptTimeoutMs(learnt)).toBe(16_000);
    expect(attemptTimeoutMs({ ...learnt, slowCallMs: 500 })).toBe(10_000);
    expect(attemptTimeoutMs({ ...learnt, isLearnt: false })).toBe(usableMs - 4_000);
  });

  test('is spent whole where there is no second chance, however long it takes', () => {
    expect(attemptTimeoutMs({ ...budget, slowCallMs: 500, isLearnt: true, mayRepeat: false })).toBe(usableMs);
  });

  test('is never more than what is left of the window, whatever the chain', () => {
    fc.assert(
      fc.property(
        durations,
        slowCalls,
        fc.option(slowCalls, { nil: undefined }),
        slowCalls,
        fc.boolean(),
        fc.boolean(),
        (leftMs, slowCallMs, nextUsualMs, reserveMs, mayRepeat, isLearnt) => {
          const timeoutMs = attemptTimeoutMs({
            leftMs,
            attemptNo: 1,
            slowCallMs,
            nextUsualMs,
            reserveMs,
            mayRepeat,
            isLearnt,
          });
          expect(timeoutMs).toBeGreaterThanOrEqual(0);
          expect(timeoutMs).toBeLessThanOrEqual(Math.max(0, leftMs - deliveryReserveMs(leftMs) - reserveMs));
        },
      ),
    );
  });
});

describe('a provider may be called again', () => {
  test.each([
    ['never', 'no', true],
    ['never', 'maybe', false],
    ['never', 'yes', false],
    ['when_uncertain', 'no', true],
    ['when_uncertain', 'maybe', true],
    ['when_uncertain', 'yes', false],
    ['always', 'no', true],
    ['always', 'maybe', true],
    ['always', 'yes', true],
  ] as const)('where the slot says %s and its calls were charged %s: %s', (policy, charged, may) => {
    expect(mayCallAgain(policy, charged)).toBe(may);
  });

  test('as where the slot says when_uncertain, if it says nothing', () => {
    expect([mayCallAgain(undefined, 'maybe'), mayCallAgain(undefined, 'yes')]).toEqual([true, false]);
  });

  test('judged by the worst of its calls', () => {
    expect([worseCharge('no', 'maybe'), worseCharge('yes', 'maybe'), worseCharge('no', 'no')]).toEqual([
      'maybe',
      'yes',
      'no',
    ]);
    expect(ask({ charged: 'yes' })).toEqual({ retry: false, why: 'the call was charged' });
    expect(ask({ charged: 'maybe', repeatPaidCalls: 'never' })).toEqual({
      retry: false,
      why: 'the call may have been charged',
    });
  });

  test('only while what a call usually takes, and what the last link needs, is left', () => {
    const left = { leftMs: 10_000, chance: 0 };
    expect(ask({ ...left, usualMs: 8_000 })).toMatchObject({ retry: true });
    expect(ask({ ...left, usualMs: 8_000, reserveMs: 3_000 })).toMatchObject({ retry: false });
    expect(ask({ ...left, usualMs: 9_500 })).toMatchObject({ retry: false });
  });
});
