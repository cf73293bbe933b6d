import { expect, test } from 'vitest';
import { judgeBudget } from '../../src/domain/slot-budget.ts';

const of = (amount: number, spent: number, callPrice: number | null = 0.04) =>
  judgeBudget({ amount, spent, callPrice });

test('a budget is nearly used up from 80 % on', () => {
  expect([of(10, 0), of(10, 7.999999), of(10, 8), of(10, 9.96)]).toEqual(['ok', 'ok', 'warned', 'warned']);
});

test('a budget is used up when no further call fits', () => {
  expect([of(1, 0.96), of(1, 0.960001), of(1, 1), of(1, 1.2)]).toEqual(['warned', 'used_up', 'used_up', 'used_up']);
  expect(of(0.99, 0.96)).toBe('used_up');
  expect(of(0.03, 0)).toBe('used_up');
});

test('decimals count as people write them', () => {
  expect(of(0.3, 0.2, 0.1)).toBe('ok');
  expect(of(0.3, 0.1 + 0.2, 0.1)).toBe('used_up');
  expect(of(0.7, 0.6, 0.1)).toBe('warned');
});

test('without a price the budget is used up when it is spent', () => {
  expect([of(1, 0.99, null), of(1, 1, null), of(1, 0.99, 0)]).toEqual(['warned', 'used_up', 'warned']);
});
