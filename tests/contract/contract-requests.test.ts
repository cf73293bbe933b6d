import { describe, expect, it } from 'vitest';
import type { Contract, RawRequest } from '../../src/contract/contract.ts';
import { makeContract, makeDocument, makeOperation } from '../support/small-contract.ts';

const query = (name: string, schema: object, required = false) => ({ name, in: 'query', required, schema });
const json = (schema: object, required = true) => ({ required, content: { 'application/json': { schema } } });

function makeOne(operation: object): Contract {
  return makeContract(makeDocument({ '/x/{id}': { post: makeOperation('x', operation) } }));
}

function check(contract: Contract, raw: Partial<RawRequest>) {
  const [operation] = contract.operations;
  if (operation === undefined) throw new Error('there is an operation');
  const checked = contract.validateRequest(operation, { params: {}, query: {}, headers: {}, ...raw });
  return checked.ok ? checked.request : checked.faults;
}

describe('query parameters', () => {
  const contract = makeOne({
    parameters: [
      query('limit', { type: 'integer', minimum: 1, maximum: 100 }),
      query('on', { type: 'boolean' }),
      query('share', { type: 'number' }),
      query('tag', { type: 'array', items: { type: 'string' }, maxItems: 2 }),
      query('name', { type: 'string', maxLength: 3 }),
    ],
  });

  it('become values of their types', () => {
    expect(check(contract, { query: { limit: '5', on: 'true', share: '-0.5', tag: 'a', name: '12' } })).toMatchObject({
      query: { limit: 5, on: true, share: -0.5, tag: ['a'], name: '12' },
    });
    expect(check(contract, { query: { on: 'false', tag: ['a', 'b'] } })).toMatchObject({
      query: { on: false, tag: ['a', 'b'] },
    });
  });

  it.each(['', ' 5', '5 ', '0x10', '05', '+5', '5.', 'NaN', 'Infinity', '1_0', '٣'])('%j is no integer', (limit) => {
    expect(check(contract, { query: { limit } })).toEqual([
      { pointer: '/query/limit', message: 'must be integer', keyword: 'type' },
    ]);
  });

  it.each(['', '1', 'TRUE', 'yes'])('%j is no boolean', (on) => {
    expect(check(contract, { query: { on } })).toMatchObject([{ pointer: '/query/on', keyword: 'type' }]);
  });

  it('a parameter that came twice is a fault unless it is a list', () => {
    expect(check(contract, { query: { limit: ['1', '2'] } })).toMatchObject([
      { pointer: '/query/limit', keyword: 'type' },
    ]);
    expect(check(contract, { query: { tag: ['1', '2', '3'] } })).toMatchObject([
      { pointer: '/query/tag', keyword: 'maxItems' },
    ]);
  });

  it.each([{ name: 'a\0' }, { tag: ['a', '\0'] }])('U+0000 is a fault wherever it stands: %j', (given) => {
    const pointer = `/query/${Object.keys(given)[0]}`;
    expect(check(contract, { query: given })).toEqual([
      { pointer, message: 'must not contain U+0000', keyword: 'text' },
    ]);
  });

  it('all faults are named at once', () => {
    const faults = check(contract, { query: { limit: '0', on: 'x', name: 'long', zz: '1' } });
    expect((faults as readonly { pointer: string }[]).map(({ pointer }) => pointer).sort()).toEqual([
      '/query/limit',
      '/query/name',
      '/query/on',
      '/query/zz',
    ]);
  });

  it('a required parameter that is missing is named', () => {
    const strict = makeOne({ parameters: [query('from', { type: 'string' }, true)] });
    expect(check(strict, {})).toEqual([{ pointer: '/query/from', message: 'is required', keyword: 'required' }]);
  });
});

describe('unknown query parameters', () => {
  const hostile = JSON.parse('{"__proto__": "1", "a/b~c": "2"}') as Record<string, string>;

  it('are faults unless the contract says otherwise', () => {
    expect(check(makeOne({}), { query: hostile })).toEqual([
      { pointer: '/query/__proto__', message: 'is not known', keyword: 'additionalProperties' },
      { pointer: '/query/a~1b~0c', message: 'is not known', keyword: 'additionalProperties' },
    ]);
  });

  it('are dropped where they are ignored', () => {
    const contract = makeOne({ 'x-unknown-query': 'ignore', parameters: [query('limit', { type: 'integer' })] });
    const checked = check(contract, { query: { ...hostile, limit: '1' } });
    expect(checked).toMatchObject({ query: { limit: 1 } });
    expect(Object.keys((checked as { query: object }).query)).toEqual(['limit']);
  });

  it('are passed on as text where they are kept, whatever their names', () => {
    const checked = check(makeOne({ 'x-unknown-query': 'keep' }), { query: { ...hostile, token: ['x', 'y'] } });
    const kept = new Map(Object.entries((checked as { query: object }).query));
    expect(kept).toEqual(
      new Map<string, unknown>([
        ['__proto__', '1'],
        ['a/b~c', '2'],
        ['token', ['x', 'y']],
      ]),
    );
  });
});

describe('headers and path parameters', () => {
  const contract = makeOne({
    parameters: [
      { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
      { name: 'If-Match', in: 'header', schema: { type: 'string', maxLength: 5 } },
    ],
  });

  it('declared headers carry the name of the contract; others stay out', () => {
    expect(check(contract, { params: { id: '7' }, headers: { 'if-match': '"1"', cookie: 'x' } })).toMatchObject({
      params: { id: 7 },
      headers: { 'If-Match': '"1"' },
    });
  });

  it('faults say where they are', () => {
    expect(check(contract, { params: { id: 'x' }, headers: { 'if-match': 'too long' } })).toMatchObject([
      { pointer: '/params/id' },
      { pointer: '/headers/If-Match' },
    ]);
  });
});

describe('JSON bodies', () => {
  const body = {
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1 },
      at: { type: 'string', format: 'date-time' },
      pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false, minItems: 2 },
      'a/b': { type: 'integer' },
      inner: { allOf: [{ type: 'object', properties: { a: { type: 'integer' } } }], unevaluatedProperties: false },
    },
  };
  const contract = makeOne({ requestBody: json(body) });
  const send = (value: unknown) =>
    check(contract, { body: value, headers: { 'content-type': 'application/json; charset=utf-8' } });

  it('pass unchanged when they are right', () => {
    expect(send({ name: 'x', pair: ['a', 1] })).toMatchObject({ body: { name: 'x', pair: ['a', 1] } });
  });

  it('are not coerced', () => {
    expect(send({ name: 1 })).toMatchObject([{ pointer: '/body/name', keyword: 'type' }]);
    expect(send({ name: 'x', 'a/b': '1' })).toMatchObject([{ pointer: '/body/a~1b', keyword: 'type' }]);
  });

  it.each([
    ['formats', { name: 'x', at: 'tomorrow' }, '/body/at', 'format'],
    ['prefixItems', { name: 'x', pair: [1, 1] }, '/body/pair/0', 'type'],
    ['unevaluatedProperties', { name: 'x', inner: { a: 1, z: 1 } }, '/body/inner/z', 'unevaluatedProperties'],
    ['unknown members', { name: 'x', z: 1 }, '/body/z', 'additionalProperties'],
    ['missing members', {}, '/body/name', 'required'],
    ['another type', [], '/body', 'type'],
    ['null', null, '/body', 'type'],
  ])('the rules of 2020-12 apply: %s', (_name, value, pointer, keyword) => {
    expect(send(value)).toMatchObject([{ pointer, keyword }]);
  });

  it('a member named __proto__ is unknown like any other', () => {
    expect(send(JSON.parse('{"name": "x", "__proto__": {"admin": true}}'))).toMatchObject([
      { pointer: '/body/__proto__' },
    ]);
    expect(send(JSON.parse('{"__proto__": {"name": "x"}}'))).toMatchObject([
      { pointer: '/body/name' },
      { pointer: '/body/__proto__' },
    ]);
  });

  it('a body that is missing is a fault only where it is required', () => {
    expect(check(contract, {})).toEqual([{ pointer: '/body', message: 'is required', keyword: 'required' }]);
    expect(check(makeOne({ requestBody: json(body, false) }), {})).toMatchObject({ body: undefined });
  });

  it('a body of a type that is not declared is a fault', () => {
    expect(check(contract, { body: {}, headers: { 'content-type': 'text/xml' } })).toMatchObject([
      { pointer: '/headers/content-type' },
    ]);
    expect(check(contract, { body: {}, headers: { 'content-type': '__proto__' } })).toMatchObject([
      { pointer: '/headers/content-type' },
    ]);
  });

  it('at most 50 faults are named, and no pointer grows without bound', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, 1]));
    expect(send({ name: 'x', ...many })).toHaveLength(50);
    const [fault] = send({ name: 'x', ['k'.repeat(100_000)]: 1 }) as readonly { pointer: string }[];
    expect(fault?.pointer.length).toBeLessThan(300);
  });
});

describe('multipart bodies', () => {
  const form = {
    type: 'object',
    required: ['password', 'file'],
    properties: { password: { type: 'string', minLength: 1 }, file: { type: 'string', format: 'binary' } },
    additionalProperties: { type: 'string' },
  };
  const contract = makeOne({ requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } } });
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };

  it('are not missing while they are still on the wire', () => {
    expect(check(contract, { headers })).toMatchObject({ body: undefined });
  });

  it('have their text fields checked when these are given; files are judged by whoever received them', () => {
    expect(check(contract, { headers, body: { password: 'x', more: 'y' } })).toMatchObject({ body: { password: 'x' } });
    expect(check(contract, { headers, body: { password: '' } })).toMatchObject([{ pointer: '/body/password' }]);
    expect(check(contract, { headers, body: {} })).toMatchObject([{ pointer: '/body/password', keyword: 'required' }]);
  });

  it('are found by their content type whatever its case and parameters', () => {
    const [operation] = contract.operations;
    if (operation === undefined) throw new Error('there is an operation');
    expect(contract.requestContentTypes(operation)).toEqual(['multipart/form-data']);
    expect(contract.findRequestContentType(operation, 'Multipart/Form-Data; boundary=x')).toBe('multipart/form-data');
    expect(contract.findRequestContentType(operation, 'application/json')).toBeUndefined();
    expect(contract.findRequestContentType(operation, undefined)).toBeUndefined();
  });
});
