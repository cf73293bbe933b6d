import { describe, expect, it } from 'vitest';
import { diffContracts } from '../../scripts/check-contract/diff.ts';
import type { Difference } from '../../scripts/check-contract/difference.ts';
import { makeDocument } from '../support/small-contract.ts';

type Schema = Record<string, unknown>;

const json = (schema: Schema, more: Schema = {}) => ({ 'application/json': { schema, ...more } });
const text = { type: 'string' };
const operation = (more: Schema = {}) => ({
  operationId: 'x',
  responses: { 200: { description: 'fine', content: json(text) } },
  ...more,
});
const at = (operationObject: Schema, more: Schema = {}) => makeDocument({ '/x': { get: operationObject } }, more);
const parameter = (more: Schema = {}) => ({ name: 'p', in: 'query', schema: text, ...more });
const says = (differences: readonly Difference[]) =>
  differences.map(({ level, where, message }) => `${level}: ${where}: ${message}`);

describe('contracts', () => {
  it('equal contracts do not differ, whatever their versions', () => {
    const after = { ...at(operation()), info: { title: 'small', version: '9.0.0' } };
    expect(diffContracts(at(operation()), after)).toEqual([]);
  });

  const cases: [string, Schema, Schema, string[]][] = [
    [
      'an optional parameter is added',
      {},
      { parameters: [parameter()] },
      ['additive: GET /x: optional query parameter p added'],
    ],
    [
      'a required parameter is added',
      {},
      { parameters: [parameter({ required: true })] },
      ['breaking: GET /x: required query parameter p added'],
    ],
    ['a parameter is removed', { parameters: [parameter()] }, {}, ['breaking: GET /x: query parameter p removed']],
    [
      'a parameter becomes required',
      { parameters: [parameter()] },
      { parameters: [parameter({ required: true })] },
      ['breaking: GET /x query parameter p: became required'],
    ],
    [
      'a parameter becomes optional',
      { parameters: [parameter({ required: true })] },
      { parameters: [parameter()] },
      ['additive: GET /x query parameter p: is no longer required'],
    ],
    [
      'a parameter moves',
      { parameters: [parameter()] },
      { parameters: [parameter({ in: 'header' })] },
      ['breaking: GET /x: query parameter p removed', 'additive: GET /x: optional header parameter p added'],
    ],
    [
      'a parameter narrows',
      { parameters: [parameter()] },
      { parameters: [parameter({ schema: { type: 'string', maxLength: 1 } })] },
      ['breaking: GET /x query parameter p: maxLength unlimited became 1'],
    ],
    [
      'a parameter is written differently',
      { parameters: [parameter()] },
      { parameters: [parameter({ style: 'pipeDelimited' })] },
      ['breaking: GET /x query parameter p: style changed'],
    ],
    [
      'an optional body is added',
      {},
      { requestBody: { content: json(text) } },
      ['additive: GET /x request: body added'],
    ],
    [
      'a required body is added',
      {},
      { requestBody: { required: true, content: json(text) } },
      ['breaking: GET /x request: body added'],
    ],
    ['a body is removed', { requestBody: { content: json(text) } }, {}, ['breaking: GET /x request: body removed']],
    [
      'a body becomes required',
      { requestBody: { content: json(text) } },
      { requestBody: { required: true, content: json(text) } },
      ['breaking: GET /x request: became required'],
    ],
    [
      'a request type is added',
      { requestBody: { content: json(text) } },
      { requestBody: { content: { ...json(text), 'text/csv': {} } } },
      ['additive: GET /x request: text/csv added'],
    ],
    [
      'a status is added',
      {},
      { responses: { 200: { description: 'fine', content: json(text) }, 404: { description: 'no' } } },
      ['additive: GET /x: status 404 added'],
    ],
    [
      'a status becomes another',
      {},
      { responses: { 201: { description: 'fine', content: json(text) } } },
      ['breaking: GET /x: status 200 removed', 'additive: GET /x: status 201 added'],
    ],
    [
      'an answer widens',
      {},
      { responses: { 200: { description: 'fine', content: json({ type: ['string', 'null'] }) } } },
      ['breaking: GET /x 200 application/json#: type with null'],
    ],
    [
      'an answer loses its type',
      {},
      { responses: { 200: { description: 'fine' } } },
      ['breaking: GET /x 200: application/json removed'],
    ],
    ['operationId changes', {}, { operationId: 'y' }, ['breaking: GET /x: operationId x became y']],
    ['the operation is deprecated', {}, { deprecated: true }, ['additive: GET /x: deprecation changed']],
    ['the summary changes', {}, { summary: 'new' }, ['wording: GET /x: summary changed']],
    [
      'unknown queries are refused',
      { 'x-unknown-query': 'ignore' },
      {},
      ['breaking: GET /x: x-unknown-query ignore became refuse'],
    ],
    [
      'unknown queries are accepted',
      {},
      { 'x-unknown-query': 'ignore' },
      ['additive: GET /x: x-unknown-query refuse became ignore'],
    ],
    [
      'a faulty request is told by another code',
      {},
      { 'x-invalid-request-code': 'invalid_payload' },
      ['breaking: GET /x: x-invalid-request-code invalid_request became invalid_payload'],
    ],
    ['a secret is asked for', {}, { security: [{ key: [] }] }, ['breaking: GET /x: security changed']],
    ['no secret is asked for any more', { security: [{ key: [] }] }, {}, ['additive: GET /x: security changed']],
  ];
  it.each(cases)('%s', (_name, before, after, expected) => {
    expect(says(diffContracts(at(operation(before)), at(operation(after))))).toEqual(expected);
  });

  it('operations come and go', () => {
    const one = makeDocument({ '/x': { get: operation() } });
    const two = makeDocument({ '/x': { get: operation(), post: operation({ operationId: 'y' }) } });
    expect(says(diffContracts(one, two))).toEqual(['additive: POST /x: operation added']);
    expect(says(diffContracts(two, one))).toEqual(['breaking: POST /x: operation removed']);
  });

  it('headers of answers are promises: they come freely and must stay', () => {
    const headed = (headers: Schema) => at(operation({ responses: { 200: { description: 'fine', headers } } }));
    const optional = headed({ 'X-A': { schema: text } });
    const required = headed({ 'x-a': { required: true, schema: text } });
    expect(says(diffContracts(headed({}), optional))).toEqual(['additive: GET /x 200: header x-a added']);
    expect(says(diffContracts(optional, headed({})))).toEqual(['breaking: GET /x 200: header x-a removed']);
    expect(says(diffContracts(optional, required))).toEqual(['additive: GET /x 200 header x-a: became required']);
    expect(says(diffContracts(required, optional))).toEqual(['breaking: GET /x 200 header x-a: is no longer required']);
  });

  it('a schema is compared by what it says, not by where it lies, in the direction it travels', () => {
    const named = (maxLength: number) => ({ components: { schemas: { Name: { type: 'string', maxLength } } } });
    const refers = { $ref: '#/components/schemas/Name' };
    const both = operation({
      requestBody: { content: json(refers) },
      responses: { 200: { description: 'fine', content: json(refers) } },
    });
    const inline = { type: 'string', maxLength: 5 };
    const moved = operation({
      requestBody: { content: json(inline) },
      responses: { 200: { description: 'fine', content: json(inline) } },
    });
    expect(diffContracts(at(both, named(5)), at(moved))).toEqual([]);
    expect(says(diffContracts(at(both, named(5)), at(both, named(9))))).toEqual([
      'additive: GET /x request application/json#: maxLength 5 became 9',
      'breaking: GET /x 200 application/json#: maxLength 5 became 9',
    ]);
  });

  it('words about the whole document are wording', () => {
    const after = { ...at(operation()), info: { title: 'other', version: '1.0.0' }, tags: [{ name: 'a' }] };
    expect(says(diffContracts(at(operation()), after))).toEqual([
      'wording: info: changed',
      'wording: document: tags changed',
    ]);
  });
});
