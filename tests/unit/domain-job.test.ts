import { describe, expect, test } from 'vitest';
import { JOB_STEPS, type JobState, jobState, mayStep } from '../../src/domain/job.ts';

const STATES = Object.keys(JOB_STEPS) as JobState[];
const FINAL: readonly JobState[] = ['succeeded', 'timeout', 'provider_error', 'cancelled'];

describe("a job's life", () => {
  test('has just these steps', () => {
    const steps = STATES.flatMap((from) => STATES.filter((to) => mayStep(from, to)).map((to) => `${from} → ${to}`));
    expect(steps).toEqual([
      'pending → processing',
      'pending → timeout',
      'pending → cancelled',
      'processing → pending',
      'processing → succeeded',
      'processing → timeout',
      'processing → provider_error',
      'processing → cancelled',
    ]);
  });

  test.each(FINAL)('ends with %s: no step leads out', (state) => {
    expect(STATES.filter((to) => mayStep(state, to))).toEqual([]);
  });

  test('has no success that was never in work', () => {
    expect(STATES.filter((from) => mayStep(from, 'succeeded'))).toEqual(['processing']);
  });

  test('can be ended from outside at any time', () => {
    for (const state of STATES.filter((one) => !FINAL.includes(one))) {
      expect(mayStep(state, 'timeout')).toBe(true);
      expect(mayStep(state, 'cancelled')).toBe(true);
    }
  });

  test('reaches every state from the first one', () => {
    const reached = new Set<JobState>(['pending']);
    for (const state of reached) for (const to of JOB_STEPS[state]) reached.add(to);
    expect([...reached].sort()).toEqual([...STATES].sort());
  });
});

describe('the three columns', () => {
  test.each([
    ['pending', false, null, 'pending'],
    ['processing', false, null, 'processing'],
    ['processing', true, null, 'succeeded'],
    ['pending', true, 'timeout', 'timeout'],
    ['processing', true, 'timeout', 'timeout'],
    ['processing', true, 'provider_error', 'provider_error'],
    ['pending', true, 'cancelled', 'cancelled'],
  ] as const)('%s, final: %s, reason: %s spell %s', (status, isFinalized, failureReason, state) => {
    expect(jobState({ status, isFinalized, failureReason })).toBe(state);
  });
});
