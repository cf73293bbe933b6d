import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldFault } from '../../src/domain/errors.ts';
import { DEPTH_MAX, JsonFaultError, parseStrictJson } from '../../src/http/strict-json.ts';
import { judgeJson } from '../support/judge-json.ts';

/** The fault of a body that must be refused. */
function faultOf(body: string | Buffer): FieldFault {
  try {
    parseStrictJson(Buffer.from(body as string));
  } catch (error) {
    expect(error).toBeInstanceOf(JsonFaultError);
    return (error as JsonFaultError).fault;
  }
  throw new Error('it was accepted');
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('JSON that is refused', () => {
  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['a half', '{"a":'],
    ['something behind it', '{"a":1} x'],
    ['two values', '{} {}'],
    ['a comma too many', '[1,]'],
    ['NaN', '{"a":NaN}'],
    ['Infinity', '[Infinity]'],
    ['a comment', '{} // a'],
    ['single quotes', "{'a':1}"],
    ['a raw line break in a text', '"a\nb"'],
    ['a raw NUL', '"a\0b"'],
    ['a byte order mark', '\ufeff{}'],
    ['an unknown escape', String.raw`"\x41"`],
    ['half an escape', '"\\'],
    ['a blank that JSON has not', '\u00a0{}'],
  ])('for its syntax: %s', (_, body) => {
    expect(faultOf(body)).toMatchObject({ pointer: '/body', keyword: 'json' });
  });

  it.each([
    ['a stray byte', Buffer.from([0x22, 0xff, 0x22])],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['a cut sequence', Buffer.from([0x22, 0xe2, 0x82])],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le')],
  ])('for not being UTF-8: %s', (_, body) => {
    expect(faultOf(body)).toMatchObject({ pointer: '/body', keyword: 'encoding' });
  });

  it.each([
    [String.raw`{"a":"x\u0000y"}`, '/body/a', 'text'],
    [String.raw`{"a":[1,"\ud800"]}`, '/body/a/1', 'text'],
    [String.raw`"\udc00\ud800"`, '/body', 'text'],
    [String.raw`{"a":{"\u0000":1}}`, '/body/a/\\u0000', 'propertyNames'],
    [String.raw`[{"b":"\"","\ud83d":1}]`, '/body/0/\\ud83d', 'propertyNames'],
    [String.raw`{"a\\":1}`, '/body/a\\\\', 'propertyNames'],
    ['{"a":{"__proto__":{"isAdmin":true}}}', '/body/a/__proto__', 'propertyNames'],
    [String.raw`{"\u005f_proto__":1}`, '/body/\\u005f_proto__', 'propertyNames'],
    ['{"a":[0,{"b":1,"b":1}]}', '/body/a/1/b', 'uniqueNames'],
    ['{"a":1,"c":{"a":1},"a":{"a":1}}', '/body/a', 'uniqueNames'],
    [String.raw`{"a/b~":"\\","c":"{\"a","a/b~":2}`, '/body/a~1b~0', 'uniqueNames'],
    ['{"":0,"":0}', '/body/', 'uniqueNames'],
    ['{"a":1e999}', '/body/a', 'number'],
    ['[[-1e400]]', '/body/0/0', 'number'],
  ])('with the place: %s', (body, pointer, keyword) => {
    expect(faultOf(body)).toEqual({ pointer, keyword, message: expect.any(String) });
  });

  it.each([DEPTH_MAX + 1, 10_000, 500_000])('for %i levels, whatever the stack holds', (depth) => {
    expect(faultOf(nested(depth))).toMatchObject({ pointer: '/body', keyword: 'maxDepth' });
    expect(faultOf('['.repeat(depth))).toMatchObject({ keyword: 'maxDepth' });
    expect(faultOf('{"a":'.repeat(depth))).toMatchObject({ keyword: 'maxDepth' });
  });

  it('for a name with an escape also after V8 has seen a name that begins like its spelling', () => {
    const names = (name: string): string => `{"a":1,"${name}":2}`;
    for (const _ of [1, 2]) {
      JSON.parse(names('b\\\\'));
      expect(faultOf(names('b\\u0063'))).toMatchObject({ pointer: '/body/b\\u0063' });
    }
  });

  it('without repeating what it held', () => {
    expect(JSON.stringify(faultOf('{"password": "swordfish" oops'))).not.toContain('swordfish');
  });
});

describe('JSON that is accepted', () => {
  it.each([
    ['null', null],
    [' [1, 2.5, -0.0e+3] ', [1, 2.5, -0]],
    ['{"a":{"a":{"a":"a"}}}', { a: { a: { a: 'a' } } }],
    [String.raw`"\ud83d\ude00 \u00e9 \\u0000 \" \/"`, '😀 é \\u0000 " /'],
    ['{"constructor":1,"a:b":"c:{d","":[]}', { constructor: 1, 'a:b': 'c:{d', '': [] }],
    ['[{"a":1},{"a":1}]', [{ a: 1 }, { a: 1 }]],
    ['12345678901234567890', 12345678901234567000],
    ['1e-999', 0],
    [nested(DEPTH_MAX), JSON.parse(nested(DEPTH_MAX)) as unknown],
  ])('%s', (body, value) => {
    expect(parseStrictJson(Buffer.from(body))).toEqual(value);
  });

  it('siblings do not count as depth', () => {
    const body = `[${Array.from({ length: 200 }, () => '[[]]').join(',')}]`;
    expect(parseStrictJson(Buffer.from(body))).toHaveLength(200);
  });
});

/** JSON texts near everything that is looked at: few names, so that they meet; escapes that spell the same; odd blanks. */
const { value: jsonText } = fc.letrec<{ value: string; object: string; array: string; leaf: string; name: string }>(
  (tie) => ({
    value: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie('leaf'), tie('object'), tie('array')),
    name: fc.constantFrom(
      ...['"a"', String.raw`"\u0061"`, '"b"', '"__proto__"', String.raw`"__proto\u005f_"`, '""', '"a:"'],
      ...[
        String.raw`"\""`,
        String.raw`"\\"`,
        String.raw`"\u0000"`,
        String.raw`"\ud800"`,
        String.raw`"\ud800\udc00"`,
        '"é"',
      ],
    ),
    leaf: fc.oneof(
      tie('name'),
      fc.json({ maxDepth: 0 }),
      fc.constantFrom('1e999', '-1e999', '1E400', '0', '-0', 'true', '01', 'nul', '"\\', '"{[:,"', '', ']', '}'),
    ),
    object: fc
      .array(fc.tuple(tie('name'), tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map(([name, value]) => `${name} :${value}`).join(',\t')}}`),
    array: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(' ,')}]`),
  }),
);

const verdictOf = (body: Buffer): unknown => {
  try {
    return { value: parseStrictJson(body) };
  } catch (error) {
    return error instanceof JsonFaultError ? 'refused' : error;
  }
};

describe('against a slow reader that follows the grammar', () => {
  it('accepts the same texts and finds the same values in them', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(verdictOf(Buffer.from(text))).toEqual(judgeJson(text, DEPTH_MAX));
      }),
      { numRuns: 2_000 },
    );
  });

  it('agrees on texts with a character taken out, put in or doubled', () => {
    const broken = fc
      .tuple(
        jsonText,
        fc.nat(),
        fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '\0', ' ', 'é', '\\u0000'),
      )
      .map(
        ([text, at, put]) =>
          `${text.slice(0, at % (text.length + 1))}${put}${text.slice((at % (text.length + 1)) + 1)}`,
      );
    fc.assert(
      fc.property(broken, (text) => {
        expect(verdictOf(Buffer.from(text))).toEqual(judgeJson(text, DEPTH_MAX));
      }),
      { numRuns: 2_000 },
    );
  });

  it('answers every sequence of bytes, and never with another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const verdict = verdictOf(Buffer.from(bytes));
        expect(verdict === 'refused' || Object.hasOwn(verdict as object, 'value')).toBe(true);
      }),
    );
  });
});
