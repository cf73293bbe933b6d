import { expect, it } from 'vitest';
import { checkWebhookExamples, diffWebhooks } from '../../scripts/check-contract/webhooks.ts';
import { makeDocument } from '../support/small-contract.ts';

const at = (schema: object, more: object = {}, parameters: object[] = []) =>
  makeDocument(
    {},
    {
      webhooks: {
        told: {
          post: {
            operationId: 'told',
            parameters,
            requestBody: { content: { 'application/json': { schema, ...more } } },
            responses: { default: { description: 'fine' } },
          },
        },
      },
    },
  );
const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required });
const text = { type: 'string' };
const header = { name: 'webhook-id', in: 'header', schema: text };

it.each([
  ['equal ones do not differ', at(text), at(text), []],
  ['a webhook that is added is additive', makeDocument({}), at(text), ['additive: webhook told: webhook added']],
  ['one that is removed breaks receivers', at(text), makeDocument({}), ['breaking: webhook told: webhook removed']],
  [
    'a header that is removed breaks receivers',
    at(text, {}, [header]),
    at(text),
    ['breaking: webhook told: header webhook-id removed'],
  ],
  [
    'other examples are words',
    at(text, { example: 'a' }),
    at(text, { example: 'b' }),
    ['wording: webhook told application/json: examples changed'],
  ],
])('%s', (_, before, after, expected) => {
  expect(diffWebhooks(before, after).map(({ level, where, message }) => `${level}: ${where}: ${message}`)).toEqual(
    expected,
  );
});

it('a member is read as clients read answers: a new one is additive, one that goes or may be missing breaks receivers', () => {
  const levels = (before: object, after: object) => diffWebhooks(at(before), at(after)).map(({ level }) => level);
  expect(levels(object({ a: text }, ['a']), object({ a: text, b: text }, ['a']))).toEqual(['additive']);
  expect(levels(object({ a: text }, ['a']), object({}))).toContain('breaking');
  expect(levels(object({ a: text }, ['a']), object({ a: text }))).toEqual(['breaking']);
});

it('examples must be there, and valid as if the schema were closed', () => {
  const messages = (more: object) =>
    checkWebhookExamples(at(object({ a: text }, ['a']), more)).map(({ message }) => message);
  expect(messages({})).toEqual(['has no example: add one that validates.']);
  expect(messages({ example: { a: 'x' } })).toEqual([]);
  expect(messages({ examples: { one: { value: { a: 'x' } }, other: { value: { a: 'x', b: 1 } } } })).toEqual([
    expect.stringContaining('an example is not valid'),
  ]);
});
