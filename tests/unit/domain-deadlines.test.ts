import { describe, expect, test } from 'vitest';
import {
  artefactExpiresAt,
  isOver,
  JOB_ROW_DAYS,
  jobExpiresAt,
  orphanAgeMs,
  RETENTION_HOURS,
  resultExpiresAt,
  resultLinkState,
  WINDOW_SECONDS,
  windowLeftMs,
} from '../../src/domain/deadlines.ts';

const ARRIVED = new Date('2026-03-01T12:00:00.000Z');
const later = (ms: number, from: Date = ARRIVED): Date => new Date(from.getTime() + ms);
const HOUR_MS = 3_600_000;

describe('the response window', () => {
  test.each([WINDOW_SECONDS.min, WINDOW_SECONDS.default, WINDOW_SECONDS.max])('of %d s ends just then', (seconds) => {
    expect(jobExpiresAt(ARRIVED, seconds * 1_000)).toEqual(later(seconds * 1_000));
  });

  test('may be 45 to 60 s, and is 48 s unless settings say otherwise', () => {
    expect(WINDOW_SECONDS).toEqual({ min: 45, max: 60, default: 48 });
  });

  test.each([
    [0, 48_000],
    [47_999.5, 0.5],
    [48_000, 0],
    [48_000.1, 0],
    [1e9, 0],
  ])('that has run for %d ms has %d ms left, and never less than none', (elapsedMs, leftMs) => {
    expect(windowLeftMs(48_000, elapsedMs)).toBeCloseTo(leftMs, 6);
  });

  test('is over at its end, not a millisecond sooner', () => {
    const endsAt = jobExpiresAt(ARRIVED, 45_000);
    expect(isOver(endsAt, later(44_999))).toBe(false);
    expect(isOver(endsAt, later(45_000))).toBe(true);
    expect(isOver(endsAt, later(45_001))).toBe(true);
  });
});

describe('a temporary artefact', () => {
  const jobEndsAt = later(48_000);

  test('ends with its job when it was made later', () => {
    expect(artefactExpiresAt(jobEndsAt, later(20_000), 48_000)).toEqual(jobEndsAt);
  });

  test("ends a window after its own making when that is sooner than the job's end", () => {
    expect(artefactExpiresAt(later(60_000), ARRIVED, 48_000)).toEqual(later(48_000));
  });

  test('ends at the same moment both ways when it was made with its job', () => {
    expect(artefactExpiresAt(jobEndsAt, ARRIVED, 48_000)).toEqual(jobEndsAt);
  });
});

describe('the retention of a result', () => {
  test('is 1 to 720 hours, 72 unless settings say otherwise; rows are kept 400 days, at least 100', () => {
    expect(RETENTION_HOURS).toEqual({ min: 1, max: 720, default: 72 });
    expect(JOB_ROW_DAYS).toEqual({ min: 100, default: 400 });
  });

  test.each([RETENTION_HOURS.min, RETENTION_HOURS.default, RETENTION_HOURS.max])(
    'of %d h counts from the end of the job, across changes of the clock on the wall',
    (hours) => {
      const finalizedAt = new Date('2026-03-28T23:30:00.000Z');
      expect(resultExpiresAt(finalizedAt, hours)).toEqual(later(hours * HOUR_MS, finalizedAt));
    },
  );

  test('covers every row: the longest retention ends before the shortest life of a row', () => {
    expect(RETENTION_HOURS.max).toBeLessThan(JOB_ROW_DAYS.min * 24);
  });
});

describe('a result link', () => {
  const expiresAt = resultExpiresAt(ARRIVED, 72);
  const at = (ms: number) => resultLinkState({ expiresAt, isStored: true }, later(ms));

  test.each([
    ['0:00:00.000', 0, 'live'],
    ['71:59:59.999', 72 * HOUR_MS - 1, 'live'],
    ['72:00:00.000', 72 * HOUR_MS, 'gone'],
    ['72:00:00.001', 72 * HOUR_MS + 1, 'gone'],
  ] as const)('is, %s after the job ended (%d ms), %s', (_, ms, state) => {
    expect(at(ms)).toBe(state);
  });

  test('is gone once its file was removed, however long the retention still runs', () => {
    expect(resultLinkState({ expiresAt, isStored: false }, ARRIVED)).toBe('gone');
    expect(resultLinkState({ expiresAt, isStored: false }, later(100 * HOUR_MS))).toBe('gone');
  });

  test('of a job without a result, or of no job, is unknown at any time', () => {
    for (const now of [ARRIVED, later(1_000 * HOUR_MS)]) {
      expect(resultLinkState(undefined, now)).toBe('unknown');
      expect(resultLinkState({ expiresAt: null, isStored: false }, now)).toBe('unknown');
      expect(resultLinkState({ expiresAt: null, isStored: true }, now)).toBe('unknown');
    }
  });
});

test('a file without a row is an orphan only when the longest upload must be over', () => {
  expect(orphanAgeMs(60_000)).toBe(120_000);
});
