import { describe, expect, test } from 'vitest';
import { judgeHealth } from '../../src/domain/provider-health.ts';
import {
  changeLimits,
  changeParameters,
  parameterFault,
  showParameters,
} from '../../src/domain/provider-parameters.ts';

const LIMITS = { runningMax: 4, openMax: null, callsPerMinute: 300, callsPerDay: null };

describe('a parameter of a provider', () => {
  test.each([
    ['running_max', 1],
    ['running_max', 1_000],
    ['open_max', 100_000],
    ['open_max', null],
    ['calls_per_minute', 1],
    ['calls_per_minute', null],
    ['calls_per_day', 10_000_000],
    ['calls_per_day', null],
    ['contract_no', 'G-118'],
    ['is_trial', true],
    ['contract_no', null],
  ])('may be %s = %j', (name, value) => expect(parameterFault(name, value)).toBeUndefined());

  test.each([
    ['running_max', 0],
    ['running_max', 1_001],
    ['running_max', 1.5],
    ['running_max', '4'],
    ['running_max', true],
    ['running_max', null],
    ['open_max', 100_001],
    ['calls_per_minute', -1],
    ['calls_per_minute', Number.POSITIVE_INFINITY],
    ['calls_per_day', 0],
    ['calls_per_day', 10_000_001],
    ['calls_per_day', 1.5],
  ])('out of bounds is refused: %s = %j', (name, value) => expect(parameterFault(name, value)).toMatch(/must|cannot/));

  test.each(['second_key', 'apikey', 'client_secret', 'access_token', 'password', 'db_password2'])(
    'whose name looks like a secret is refused: %s',
    (name) => expect(parameterFault(name, 'x')).toContain('looks like a secret'),
  );

  test.each(['is_configured', 'updated_at', 'updated_by'])(
    'does not hide what settings show by themselves: %s',
    (name) => expect(parameterFault(name, 'x')).toContain('show by themselves'),
  );
});

test('limits and other parameters are kept apart; what is not named stays; null takes away', () => {
  const changes = { running_max: 9, calls_per_minute: null, calls_per_day: 1_500, contract_no: 'G-118', old: null };
  expect(changeLimits(LIMITS, changes)).toEqual({
    runningMax: 9,
    openMax: null,
    callsPerMinute: null,
    callsPerDay: 1_500,
  });
  expect(changeParameters({ old: 1, other: false }, changes)).toEqual({ other: false, contract_no: 'G-118' });
  expect(changeLimits(LIMITS, {})).toEqual(LIMITS);
});

test('what is shown has the limits that there are beside the other parameters', () => {
  expect(showParameters(LIMITS, { contract_no: 'G-118' })).toEqual({
    contract_no: 'G-118',
    running_max: 4,
    calls_per_minute: 300,
  });
  expect(showParameters(undefined, {})).toEqual({});
});

test.each([
  [0, 0, 'unknown'],
  [1, 0, 'healthy'],
  [1, 1, 'degraded'],
  [2, 2, 'degraded'],
  [3, 2, 'failing'],
  [4, 2, 'failing'],
  [5, 2, 'degraded'],
  [10, 1, 'healthy'],
  [10, 2, 'degraded'],
  [1_000, 1_000, 'failing'],
] as const)('of %i calls %i failures are "%s"', (calls, failures, state) =>
  expect(judgeHealth({ calls, failures })).toBe(state),
);
