import { describe, expect, it } from 'vitest';
import { type Direction, diffSchemas } from '../../scripts/check-contract/diff-schema.ts';
import { gravest, type Level } from '../../scripts/check-contract/difference.ts';

type Schema = Record<string, unknown>;

function levels(before: Schema, after: Schema, direction: Direction): Level[] {
  return diffSchemas(before, after, direction, 'here').map(({ level }) => level);
}

/** A change that lets more values through, or fewer: what it means to who sends and to who receives. */
const allows = {
  more: { request: 'additive', response: 'breaking' },
  less: { request: 'breaking', response: 'additive' },
} as const;

describe('schemas: what allows less breaks who sends, what allows more breaks who receives', () => {
  it.each<[string, Schema, Schema]>([
    ['a type is added', { type: 'string' }, { type: ['string', 'null'] }],
    ['integer becomes number', { type: 'integer' }, { type: 'number' }],
    ['the type is dropped', { type: 'string' }, {}],
    ['a value of an enumeration is added', { enum: ['a'] }, { enum: ['a', 'b'] }],
    ['a constant becomes an enumeration', { const: 'a' }, { enum: ['b', 'a'] }],
    ['an enumeration is dropped', { type: 'string', enum: ['a'] }, { type: 'string' }],
    ['maximum grows', { maximum: 1 }, { maximum: 2 }],
    ['maxLength is dropped', { maxLength: 5 }, {}],
    ['minimum sinks', { minimum: 1 }, { minimum: 0.5 }],
    ['minItems is dropped', { minItems: 1 }, {}],
    ['pattern is dropped', { pattern: '^a$' }, {}],
    ['format is dropped', { format: 'uuid' }, {}],
    ['uniqueItems is switched off', { uniqueItems: true }, { uniqueItems: false }],
    ['a member is no longer required', { required: ['a', 'b'] }, { required: ['b'] }],
    ['further members are allowed', { additionalProperties: false }, { additionalProperties: { type: 'string' } }],
    ['further members of any kind are allowed', { additionalProperties: { type: 'string' } }, {}],
    ['items are free', { items: { type: 'string' } }, { items: true }],
    ['an alternative is added', { anyOf: [{ const: 1 }] }, { anyOf: [{ const: 2 }, { const: 1 }] }],
    ['alternatives are dropped altogether', { oneOf: [{ const: 1 }] }, {}],
    ['a condition is dropped', { allOf: [{ minLength: 1 }, { maxLength: 2 }] }, { allOf: [{ maxLength: 2 }] }],
    [
      'deep in a list of members',
      { items: { properties: { a: { maxLength: 1 } } } },
      { items: { properties: { a: { maxLength: 2 } } } },
    ],
    [
      'deep in an alternative',
      { oneOf: [{ const: 1 }, { maxLength: 1 }] },
      { oneOf: [{ const: 1 }, { maxLength: 2 }] },
    ],
    ['a rule for names is dropped', { patternProperties: { '^a': { type: 'string' } } }, {}],
  ])('%s', (_name, narrow, wide) => {
    expect(levels(narrow, wide, 'request')).toEqual([allows.more.request]);
    expect(levels(narrow, wide, 'response')).toEqual([allows.more.response]);
    expect(levels(wide, narrow, 'request')).toEqual([allows.less.request]);
    expect(levels(wide, narrow, 'response')).toEqual([allows.less.response]);
  });
});

describe('schemas: what breaks both ways', () => {
  it.each<[string, Schema, Schema]>([
    ['a member is removed', { properties: { a: {} } }, { properties: {} }],
    ['a type becomes another', { type: 'string' }, { type: 'integer' }],
    ['values are exchanged', { enum: ['a', 'b'] }, { enum: ['a', 'c'] }],
    ['a pattern becomes another', { pattern: 'a' }, { pattern: 'b' }],
    ['a format becomes another', { format: 'date' }, { format: 'date-time' }],
    ['a published code is withdrawn', { 'x-extensible-enum': ['a', 'b'] }, { 'x-extensible-enum': ['a'] }],
    ['a rule that cannot be judged changes', { not: { const: 1 } }, { not: { const: 2 } }],
    ['a keyword nobody knows changes', { discriminator: { propertyName: 'a' } }, {}],
    ['tuples change', { prefixItems: [{ type: 'string' }] }, { prefixItems: [{ type: 'integer' }] }],
  ])('%s', (_name, before, after) => {
    expect(levels(before, after, 'request')).toContain('breaking');
    expect(levels(before, after, 'response')).toContain('breaking');
  });
});

describe('schemas: what breaks nobody', () => {
  it.each<[string, Schema, Schema]>([
    ['an optional member is added', { properties: {} }, { properties: { a: { type: 'string' } } }],
    ['a code is added to an open enumeration', { 'x-extensible-enum': ['a'] }, { 'x-extensible-enum': ['b', 'a'] }],
    ['something is deprecated', { type: 'string' }, { type: 'string', deprecated: true }],
  ])('%s: an addition both ways', (_name, before, after) => {
    expect(levels(before, after, 'request')).toEqual(['additive']);
    expect(levels(before, after, 'response')).toEqual(['additive']);
  });

  it.each<[string, Schema, Schema]>([
    ['description', { description: 'a' }, { description: 'b' }],
    ['title', {}, { title: 'a' }],
    ['examples', { examples: [1] }, { examples: [2] }],
    ['an extension', { 'x-note': 1 }, { 'x-note': 2 }],
  ])('%s: wording both ways', (_name, before, after) => {
    expect(levels(before, after, 'request')).toEqual(['wording']);
    expect(levels(before, after, 'response')).toEqual(['wording']);
  });

  it.each<[string, Schema, Schema]>([
    [
      'the order of members',
      { type: 'object', properties: { a: {}, b: {} } },
      { properties: { b: {}, a: {} }, type: 'object' },
    ],
    ['the order of values', { enum: ['a', 'b'] }, { enum: ['b', 'a'] }],
    [
      'the order of types and requirements',
      { type: ['a', 'b'], required: ['x', 'y'] },
      { type: ['b', 'a'], required: ['y', 'x'] },
    ],
    ['the order of alternatives', { anyOf: [{ const: 1 }, { const: 2 }] }, { anyOf: [{ const: 2 }, { const: 1 }] }],
    [
      'what is said anyway',
      { type: 'string' },
      { type: 'string', minLength: 0, uniqueItems: false, deprecated: false },
    ],
    ['free members, said in another way', { additionalProperties: true }, { additionalProperties: {} }],
  ])('%s: no difference', (_name, before, after) => {
    expect(levels(before, after, 'request')).toEqual([]);
    expect(levels(before, after, 'response')).toEqual([]);
  });

  it('a member that is added and required at once breaks who sends, not who receives', () => {
    const [before, after] = [{ properties: {} }, { properties: { a: {} }, required: ['a'] }];
    expect(gravest(diffSchemas(before, after, 'request', ''))).toBe('breaking');
    expect(gravest(diffSchemas(before, after, 'response', ''))).toBe('additive');
  });

  it('a default that changes breaks who relied on it; a new one does not', () => {
    expect(levels({ default: 1 }, { default: 2 }, 'request')).toEqual(['breaking']);
    expect(levels({}, { default: 2 }, 'request')).toEqual(['additive']);
    expect(levels({ default: 1 }, { default: 2 }, 'response')).toEqual(['wording']);
  });
});
