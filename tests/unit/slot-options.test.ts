import { describe, expect, it, test } from 'vitest';
import { changeOf, parseSlotOptions } from '../../scripts/admin/slot-options.ts';
import type { FallbackLink } from '../../src/domain/slot-policy.ts';
import type { Slot } from '../../src/repositories/slots.ts';

const FRAME: FallbackLink = { providerId: 'studio', operationId: 'frame', settings: {} };
const GEMINI: FallbackLink = { providerId: 'gemini', operationId: 'image_edit', settings: { prompt: 'A comic.' } };
const GEMINI_WORDS = ['--fallback', 'gemini/image_edit={"prompt":"A comic."}'];

function slotWith(fallback: readonly FallbackLink[]): Slot {
  const moment = new Date(0);
  return {
    ...{ id: 'slot-001', name: 'Party', providerId: 'gemini', operationId: 'image_edit', settings: {} },
    ...{ isEnabled: true, keepOriginalHours: 0, fallback, repeatPaidCalls: 'when_uncertain', dailyBudget: null },
    ...{ overBudget: 'fallback', version: 1, lastResetAt: null, createdAt: moment, updatedAt: moment, updatedBy: null },
  };
}

const change = (words: string[], fallback: readonly FallbackLink[] = []) =>
  changeOf(parseSlotOptions(words).values, slotWith(fallback));

describe('the words of slot set', () => {
  test.each([
    ['leave the chain as it is', ['--name', 'X'], [GEMINI], undefined],
    ['set the chain, link by link', [...GEMINI_WORDS, '--fallback', 'studio/frame'], [FRAME], [GEMINI, FRAME]],
    ['put the studio behind the chain that there is', ['--fallback-studio'], [GEMINI], [GEMINI, FRAME]],
    ['put the studio behind a new chain', [...GEMINI_WORDS, '--fallback-studio'], [], [GEMINI, FRAME]],
    [
      'leave a studio that is there as it is',
      ['--fallback-studio'],
      [{ ...FRAME, operationId: 'filter' }],
      [{ ...FRAME, operationId: 'filter' }],
    ],
    ['empty the chain', ['--no-fallback'], [GEMINI], []],
  ] as const)('%s', (_, words, before, after) => expect(change([...words], before).fallback).toEqual(after));

  it('say what may be paid', () => {
    const words = ['--repeat-paid-calls', 'never', '--daily-budget', '2.5', '--over-budget', 'stop'];
    expect(change(words)).toEqual({ repeatPaidCalls: 'never', dailyBudget: 2.5, overBudget: 'stop' });
    expect(change(['--daily-budget', 'none'])).toEqual({ dailyBudget: null });
  });

  test.each([
    [['--fallback', 'studio']],
    [['--fallback', 'studio/frame={']],
    [['--fallback', 'studio/frame={"a":}']],
    [['--fallback', 'studio/frame=[]']],
    [['--fallback', '../../etc/passwd']],
    [['--no-fallback', '--fallback-studio']],
    [['--daily-budget', 'NaN']],
    [['--daily-budget', '-1']],
    [['--daily-budget', '0.00001']],
    [['--repeat-paid-calls', 'sometimes']],
    [['--over-budget', 'toString']],
  ])('that make no sense are refused: %j', (words) => {
    expect(() => change(words)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});
