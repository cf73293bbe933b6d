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
    ['a name that pointers escape', { settings: { ...SLOT.settings, 'a/b~c': 1 } }, ['/settings_json/a~1b~0c']],
  ])('%s', (_, change, expected) => {
    expect(changedFields(SLOT, { ...SLOT, ...change })).toEqual(expected);
  });
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
