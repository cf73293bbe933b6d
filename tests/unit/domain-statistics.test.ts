import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DomainError } from '../../src/domain/errors.ts';
import {
  type AskedRange,
  GLOBAL_RANGE,
  type Grouping,
  periodStart,
  periodsOf,
  type RangeRules,
  resolveRange,
  SLOT_RANGE,
} from '../../src/domain/statistics.ts';

/** A Wednesday. */
const NOW = new Date('2026-11-18T10:30:00.000Z');
const GROUPINGS: readonly Grouping[] = ['hour', 'day', 'week', 'month'];

const isSame = (left: Date, right: Date): boolean => left.getTime() === right.getTime();

const starts = (from: string, to: string, groupBy: Grouping): string[] =>
  periodsOf({ from: new Date(from), to: new Date(to), groupBy }).map(({ start }) => start.toISOString());

describe('a period begins', () => {
  test.each([
    ['hour', '2026-12-31T23:59:59.999Z', '2026-12-31T23:00:00.000Z'],
    ['day', '2024-02-29T23:59:59.999Z', '2024-02-29T00:00:00.000Z'],
    ['day', '2027-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['week', '2026-11-16T00:00:00.000Z', '2026-11-16T00:00:00.000Z'],
    ['week', '2026-11-15T23:59:59.999Z', '2026-11-09T00:00:00.000Z'],
    ['week', '2027-01-02T12:00:00.000Z', '2026-12-28T00:00:00.000Z'],
    ['week', '2000-01-01T00:00:00.000Z', '1999-12-27T00:00:00.000Z'],
    ['month', '2024-02-29T12:00:00.000Z', '2024-02-01T00:00:00.000Z'],
    ['month', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00.000Z'],
  ] as const)('for a %s with %s in it at %s', (grouping, at, start) => {
    expect(periodStart(new Date(at), grouping).toISOString()).toBe(start);
  });
});

describe('periods', () => {
  test('of weeks over the end of a year are cut to the range, and whole in between', () => {
    expect(starts('2026-12-30T12:00:00Z', '2027-01-13T00:00:00Z', 'week')).toEqual([
      '2026-12-30T12:00:00.000Z',
      '2027-01-04T00:00:00.000Z',
      '2027-01-11T00:00:00.000Z',
    ]);
  });

  test('of days have a leap day in a leap year, and none in others', () => {
    expect(starts('2024-02-28', '2024-03-02', 'day')).toHaveLength(3);
    expect(starts('2026-02-28', '2026-03-02', 'day')).toHaveLength(2);
  });

  test('of months are as long as the months', () => {
    const [january, february, march] = periodsOf({
      from: new Date('2024-01-01'),
      to: new Date('2024-03-31'),
      groupBy: 'month',
    }).map(({ start, end }) => (Number(end) - Number(start)) / 86_400_000);
    expect([january, february, march]).toEqual([31, 29, 30]);
  });

  test('follow each other without gap or overlap, fill the range, and are whole but for the first and the last', () => {
    const moment = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
    const lengthMs = fc.integer({ min: 1, max: 90 * 86_400_000 });
    fc.assert(
      fc.property(moment, lengthMs, fc.constantFrom(...GROUPINGS), (from, length, groupBy) => {
        const to = new Date(from.getTime() + length);
        const periods = periodsOf({ from, to, groupBy });
        expect(periods[0]?.start).toEqual(from);
        expect(periods.at(-1)?.end).toEqual(to);
        const beginsRight = periods.every(({ start }, index) => {
          if (index === 0) return true;
          return Number(periods[index - 1]?.end) === Number(start) && isSame(periodStart(start, groupBy), start);
        });
        const liesInOne = periods.every(({ start, end }) =>
          isSame(periodStart(new Date(end.getTime() - 1), groupBy), periodStart(start, groupBy)),
        );
        expect({ beginsRight, liesInOne }).toEqual({ beginsRight: true, liesInOne: true });
      }),
      { numRuns: 100 },
    );
  });
});

const resolve = (asked: AskedRange, rules: RangeRules = SLOT_RANGE): string => {
  const { from, to, groupBy } = resolveRange(asked, rules, NOW);
  return `${from.toISOString()} ${to.toISOString()} ${groupBy}`;
};

describe('a range that was not asked for', () => {
  test('is, for a slot, the last 14 days with today, by day', () => {
    expect(resolve({})).toBe('2026-11-05T00:00:00.000Z 2026-11-19T00:00:00.000Z day');
  });

  test('is, for all slots, this week until the end of today and the seven before, by week', () => {
    expect(resolve({}, GLOBAL_RANGE)).toBe('2026-09-28T00:00:00.000Z 2026-11-19T00:00:00.000Z week');
    expect(periodsOf(resolveRange({}, GLOBAL_RANGE, NOW))).toHaveLength(8);
  });

  test('keeps its length before an end that was asked for, and ends with today after a beginning', () => {
    expect(resolve({ to: '2026-01-01' })).toBe('2025-12-18T00:00:00.000Z 2026-01-01T00:00:00.000Z day');
    expect(resolve({ to: '2026-01-01' }, GLOBAL_RANGE)).toBe('2025-11-10T00:00:00.000Z 2026-01-01T00:00:00.000Z week');
    expect(resolve({ from: '2026-11-17T05:00:00+05:00' })).toBe(
      '2026-11-17T00:00:00.000Z 2026-11-19T00:00:00.000Z day',
    );
  });
});

/** Pointers and rules of the faults. */
function faultsOf(asked: AskedRange, rules: RangeRules = SLOT_RANGE): unknown {
  try {
    resolveRange(asked, rules, NOW);
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_request' });
    const fields = (error as DomainError).details?.fields as { pointer: string; keyword: string }[];
    return fields.map(({ pointer, keyword }) => `${pointer} ${keyword}`);
  }
  return 'none';
}

describe('a range is', () => {
  test.each([
    [SLOT_RANGE, '2026-01-01', '2026-02-01'],
    [GLOBAL_RANGE, '2026-01-01', '2026-04-01'],
  ])('as long as it may be, to the millisecond', (rules, from, to) => {
    expect(faultsOf({ from, to }, rules)).toBe('none');
    const longer = `${to}T00:00:00.001Z`;
    expect(faultsOf({ from, to: longer }, rules)).toEqual(['/query/to range']);
  });

  test.each([
    [{ from: '2026-01-02', to: '2026-01-02' }, ['/query/to range']],
    [{ from: '2026-01-02', to: '2026-01-01' }, ['/query/to range']],
    [{ from: '2026-12-01' }, ['/query/from range']],
    [{ from: '2026-01-01' }, ['/query/from range']],
  ])('refused when it is empty, reversed, begins after today or is too long by itself: %o', (asked, faults) => {
    expect(faultsOf(asked)).toEqual(faults);
  });

  test.each([
    [{ from: '2026-12-31T23:59:60Z' }, ['/query/from format']],
    [{ from: '1999-12-31', to: '2100-01-02' }, ['/query/from format', '/query/to format']],
    [{ to: '0000-01-01T00:00:00Z' }, ['/query/to format']],
  ])('refused when a moment is none, or too far away to be written down: %o', (asked, faults) => {
    expect(faultsOf(asked)).toEqual(faults);
  });
});
