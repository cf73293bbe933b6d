import { describe, expect, it } from 'vitest';
import { type RequestContent, sameRequestOf } from '../../src/services/job/same-request.ts';

const SHOT: RequestContent = {
  slotId: 'slot-001',
  sha256: 'ab'.repeat(32),
  fields: [
    ['time', '1767225600'],
    ['id', '042021001234_00000001.'],
    ['survey1_text_name', 'Ann'],
  ],
  tokens: [['event', 'gala']],
};
const KEY = 'one key';

const hashOf = (content: Partial<RequestContent>) =>
  sameRequestOf({ ...SHOT, ...content }, KEY)?.requestHash.toString('hex') ?? 'none';

describe('what makes two requests the same one', () => {
  it('is a hash of 32 bytes', () => {
    expect(sameRequestOf(SHOT, KEY)?.requestHash).toHaveLength(32);
  });

  it('does not depend on the order of fields and tokens, nor on the key', () => {
    expect(hashOf({ fields: SHOT.fields.toReversed() })).toBe(hashOf({}));
    expect(sameRequestOf(SHOT, undefined)?.requestHash.toString('hex')).toBe(hashOf({}));
  });

  const others: [string, Partial<RequestContent>][] = [
    ['the slot', { slotId: 'slot-002' }],
    ['one bit of the photo', { sha256: `aa${'ab'.repeat(31)}` }],
    ['the value of a field', { fields: [...SHOT.fields.slice(0, 2), ['survey1_text_name', 'Ann ']] }],
    ['the name of a field', { fields: [...SHOT.fields.slice(0, 2), ['survey1_text_namE', 'Ann']] }],
    ['a field more', { fields: [...SHOT.fields, ['x', '']] }],
    ['a field less', { fields: SHOT.fields.slice(0, 2) }],
    ['the last of 16,000 characters', { fields: [['id', `${'a'.repeat(15_999)}b`]] }],
    ['that it is a field, not a token', { fields: [...SHOT.fields, ['event', 'gala']], tokens: [] }],
    ['a token', { tokens: [['event', 'late']] }],
    ['a token twice, not its value with a comma', { tokens: [['event', ['gala', 'late']]] }],
    [
      'where a value ends',
      {
        fields: [
          ['id', 'a","b'],
          ['time', 'c'],
        ],
      },
    ],
    [
      'where a name ends',
      {
        fields: [
          ['id', 'a'],
          ['b', 'c'],
          ['time', 'c'],
        ],
      },
    ],
  ];
  it('changes with everything else', () => {
    const hashes = [{}, { tokens: [['event', 'gala,late'] as const] }, ...others.map(([, change]) => change)].map(
      hashOf,
    );
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('a request without a key', () => {
  const joins = (fields: RequestContent['fields']) => sameRequestOf({ ...SHOT, fields }, undefined)?.joinsRunning;

  it('joins the running job of the same shot: its number or its time names it', () => {
    expect(joins(SHOT.fields)).toBe(true);
    expect(joins([['id', '1']])).toBe(true);
    expect(joins([['time', '1']])).toBe(true);
  });

  it('joins none where nothing says which shot it is: two guests may send the same picture', () => {
    expect(joins([])).toBeUndefined();
    expect(joins([['survey1_text_name', 'Ann']])).toBeUndefined();
    expect(
      joins([
        ['id', ''],
        ['time', ''],
      ]),
    ).toBeUndefined();
    expect(joins([['ID', '1']])).toBeUndefined();
  });
});

it('a request with a key goes by the key alone', () => {
  expect(sameRequestOf(SHOT, KEY)).toMatchObject({ idempotencyKey: KEY, joinsRunning: false });
  expect(sameRequestOf({ ...SHOT, fields: [] }, KEY)).toMatchObject({ idempotencyKey: KEY, joinsRunning: false });
});
