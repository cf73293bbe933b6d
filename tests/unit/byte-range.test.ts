import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRange } from '../../src/services/result/byte-range.ts';

const SIZE = 10_000;
const WHOLE = { kind: 'whole' };
const bytes = (first: number, last: number) => ({ kind: 'part', offset: first, sizeBytes: last - first + 1 });

describe('a Range header', () => {
  test.each([
    ['bytes=0-499', bytes(0, 499)],
    ['bytes=500-999', bytes(500, 999)],
    ['bytes=-500', bytes(9_500, 9_999)],
    ['bytes=9500-', bytes(9_500, 9_999)],
    ['bytes=0-0', bytes(0, 0)],
    ['bytes=-1', bytes(9_999, 9_999)],
    ['bytes=0-', bytes(0, 9_999)],
  ])('%s asks, of 10,000 bytes, for what RFC 9110, 14.1.2 says', (header, answer) => {
    expect(readRange(header, SIZE)).toEqual(answer);
  });

  test.each([
    ['bytes=9999-20000', bytes(9_999, 9_999)],
    ['bytes=0-99999999999999999999', bytes(0, 9_999)],
    ['bytes=-20000', bytes(0, 9_999)],
    [`bytes=-${'9'.repeat(400)}`, bytes(0, 9_999)],
  ])('that leads past the end is cut there: %s', (header, answer) => {
    expect(readRange(header, SIZE)).toEqual(answer);
  });

  test.each(['bytes=10000-', 'bytes=10000-10001', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])(
    'that begins past the end, or asks for nothing, cannot be satisfied: %s',
    (header) => {
      expect(readRange(header, SIZE)).toEqual({ kind: 'unsatisfiable' });
    },
  );

  test.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=500-499',
    'bytes=a-b',
    'bytes=0x10-',
    'bytes=1.5-3',
    'bytes=--5',
    'bytes=+1-5',
    'bytes=1e2-',
    'bytes=1 0-20',
    'seconds=0-5',
    'bytes 0-5',
    'bytes=0-5\n',
    'bytes=٠-٥',
  ])('that is none, is malformed or counts something else means the whole: %j', (header) => {
    expect(readRange(header, SIZE)).toEqual(WHOLE);
  });

  test.each(['bytes=0-0,-1', 'bytes= 0-999, 4500-5499, -1000', `bytes=${'0-,'.repeat(1_000)}0-`])(
    'with several ranges means the whole: %.40s',
    (header) => {
      expect(readRange(header, SIZE)).toEqual(WHOLE);
    },
  );

  test('on nothing cannot be satisfied, whatever it says', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-5']) {
      expect(readRange(header, 0)).toEqual({ kind: 'unsatisfiable' });
    }
  });

  test('never leads outside the file, whatever it says', () => {
    const number = fc.option(fc.nat({ max: 300 }), { nil: '' as const });
    fc.assert(
      fc.property(number, number, fc.nat({ max: 200 }), (first, last, sizeBytes) => {
        const answer = readRange(`bytes=${first}-${last}`, sizeBytes);
        if (answer.kind !== 'part') return;
        expect(answer.offset).toBeGreaterThanOrEqual(0);
        expect(answer.sizeBytes).toBeGreaterThan(0);
        expect(answer.offset + answer.sizeBytes).toBeLessThanOrEqual(sizeBytes);
      }),
    );
  });
});
