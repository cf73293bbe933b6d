import { describe, expect, it } from 'vitest';
import { isMatch, tagOf } from '../../src/domain/entity-tag.ts';
import { changedFields, type SlotSetup } from '../../src/domain/slot-version.ts';

const SLOT: SlotSetup = {
  name: 'Party',
  providerId: 'studio',
  operationId: 'filter',
  settings: { effect: 'sepia', output: { format: 'jpeg' } },
  isEnabled: true,
  keepOriginalHours: 0,
  fallback: [{ providerId: 'studio', operationId: 'frame', settings: { style: 'border' } }],
  repeatPaidCalls: 'when_uncertain',
  dailyBudget: null,
  overBudget: 'fallback',
};

describe('what differs between two versions', () => {
  it.each([
    ['nothing', {}, []],
    [
      'everything but settings',
      { name: 'X', providerId: 'x', operationId: 'x', isEnabled: false, keepOriginalHours: 1 },
      ['/name', '/provider_id', '/operation_id', '/is_enabled', '/keep_original_hours'],
    ],
    [
      'a setting inside another',
      { settings: { effect: 'sepia', output: { format: 'png' } } },
      ['/settings_json/output'],
    ],
    [
      'settings that came and went',
      { settings: { strength: 1, output: { format: 'jpeg' } } },
      ['/settings_json/effect', '/settings_json/strength'],
    ],
    [
      'what is about failures and money',
      { repeatPaidCalls: 'never', dailyBudget: 0.5, overBudget: 'stop' },
      ['/repeat_paid_calls', '/daily_budget', '/over_budget'],
    ],
    ['fallback links that went', { fallback: [] }, ['/fallback/0']],
    [
      'a fallback link that changed, and one that came',
      {
        fallback: [
          { providerId: 'studio', operationId: 'frame', settings: { style: 'polaroid' } },
          { providerId: 'studio', operationId: 'filter', settings: {} },
        ],
      },
      ['/fallback/0', '/fallback/1'],
    ],
    ['a name that pointers escape', { settings: { ...SLOT.settings, 'a/b~c': 1 } }, ['/settings_json/a~1b~0c']],
  ] as const satisfies readonly (readonly [string, Partial<SlotSetup>, readonly string[]])[])(
    '%s',
    (_, change, expected) => {
      expect(changedFields(SLOT, { ...SLOT, ...change })).toEqual(expected);
    },
  );
});

describe('an entity tag', () => {
  const tag = tagOf(new Date('2026-01-02T18:30:00.123Z'));

  it('is the moment in quotes', () => expect(tag).toBe('"2026-01-02T18:30:00.123Z"'));

  it.each([
    ['*', true],
    [' * ', true],
    [tag, true],
    [`"a","b" , ${tag}`, true],
    [`W/${tag}`, false],
    [`W/${tag}, ${tag}`, true],
    ['2026-01-02T18:30:00.123Z', false],
    ['"2026-01-02T18:30:00.124Z"', false],
    ['', false],
    ['"*"', false],
  ])('If-Match: %s', (header, expected) => {
    expect(isMatch(header, tag)).toBe(expected);
  });
});
