import { expect, test } from 'vitest';
import { isSlotId, SLOT_COUNT, SLOT_IDS } from '../../src/domain/slots.ts';

test('there are 15 slots, slot-001 to slot-015, in order', () => {
  expect(SLOT_COUNT).toBe(15);
  expect(SLOT_IDS).toHaveLength(15);
  expect(SLOT_IDS.at(0)).toBe('slot-001');
  expect(SLOT_IDS.at(9)).toBe('slot-010');
  expect(SLOT_IDS.at(-1)).toBe('slot-015');
  expect(SLOT_IDS.toSorted()).toEqual(SLOT_IDS);
  expect(new Set(SLOT_IDS).size).toBe(15);
});

test.each(SLOT_IDS)('%s is a slot', (id) => {
  expect(isSlotId(id)).toBe(true);
});

test.each([
  'slot-000',
  'slot-016',
  'slot-1',
  'slot-0001',
  'SLOT-001',
  'slot-001 ',
  ' slot-001',
  'slot-001\n',
  'slot-٠٠١',
  '001',
  '',
  '__proto__',
  'constructor',
])('%j is none', (id) => {
  expect(isSlotId(id)).toBe(false);
});
