import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { checkErrorCodes, readPublishedCodes } from '../../scripts/check-contract/error-codes.ts';
import { checkExamples } from '../../scripts/check-contract/examples.ts';
import { checkSchemaFiles } from '../../scripts/check-contract/schema-files.ts';
import { createAjv } from '../../scripts/generate/ajv.ts';
import {
  readProviderSettings,
  renderSettingsTypes,
  renderSettingsValidators,
} from '../../scripts/generate/provider-settings.ts';
import { closeSchema, inlineReferences, withoutAnnotations } from '../../scripts/generate/schemas.ts';
import { documentScope } from '../../scripts/generate/validators.ts';
import { ERROR_STATUS } from '../../src/domain/errors.ts';
import { makeDocument, makeOperation } from '../support/small-contract.ts';

describe('closing a schema', () => {
  const isValid = (schema: object, value: unknown) =>
    createAjv().compile(withoutAnnotations(closeSchema(schema as never)))(value);
  const a = { type: 'object', properties: { a: {} } };

  it('refuses members that are not declared, at every depth', () => {
    const deep = {
      type: 'object',
      properties: { list: { type: 'array', items: a }, map: { type: 'object', additionalProperties: a } },
    };
    expect(isValid(deep, { list: [{ a: 1 }], map: { x: { a: 1 } } })).toBe(true);
    expect(isValid(deep, { list: [{ b: 1 }] })).toBe(false);
    expect(isValid(deep, { map: { x: { b: 1 } } })).toBe(false);
    expect(isValid(deep, { other: 1 })).toBe(false);
  });

  it('keeps a schema open that says so itself, and one that declares nothing', () => {
    expect(isValid({ ...a, additionalProperties: true }, { b: 1 })).toBe(true);
    expect(isValid({ type: 'object' }, { b: 1 })).toBe(true);
  });

  it('lets the parts of a combination see each other', () => {
    const combined = { allOf: [a, { type: 'object', properties: { b: { ...a } } }] };
    expect(isValid(combined, { a: 1, b: { a: 1 } })).toBe(true);
    expect(isValid(combined, { a: 1, c: 1 })).toBe(false);
    expect(isValid(combined, { b: { c: 1 } })).toBe(false);
    expect(isValid({ anyOf: [a, { type: 'null' }] }, null)).toBe(true);
    expect(isValid({ anyOf: [a, { type: 'null' }] }, { b: 1 })).toBe(false);
  });

  it('takes an open enumeration for complete', () => {
    expect(isValid({ type: 'string', 'x-extensible-enum': ['a'] }, 'a')).toBe(true);
    expect(isValid({ type: 'string', 'x-extensible-enum': ['a'] }, 'b')).toBe(false);
  });
});

describe('inlining references', () => {
  const inline = (schema: object, schemas: object) =>
    inlineReferences(schema as never, documentScope(makeDocument({}, { components: { schemas } })));

  it('follows them at every depth; words beside a reference win', () => {
    const schemas = {
      A: { type: 'object', properties: { b: { $ref: '#/components/schemas/B', description: 'new' } } },
      B: { type: 'string', description: 'old' },
    };
    expect(inline({ items: { $ref: '#/components/schemas/A' } }, schemas)).toEqual({
      items: { type: 'object', properties: { b: { type: 'string', description: 'new' } } },
    });
  });

  it('keeps the rules of both sides', () => {
    expect(inline({ $ref: '#/components/schemas/B', maxLength: 3 }, { B: { type: 'string', maxLength: 5 } })).toEqual({
      allOf: [{ type: 'string', maxLength: 5 }, { maxLength: 3 }],
    });
  });

  it('takes a member named like a keyword for a member', () => {
    const schema = {
      properties: { $ref: { type: 'string' }, items: { type: 'string' }, examples: { type: 'string' } },
    };
    expect(withoutAnnotations(inline(schema, {}))).toEqual(schema);
  });

  it('refuses circles and references that lead nowhere', () => {
    expect(() =>
      inline({ $ref: '#/components/schemas/A' }, { A: { items: { $ref: '#/components/schemas/A' } } }),
    ).toThrow('in a circle');
    expect(() => inline({ $ref: '#/components/schemas/A' }, {})).toThrow('leads nowhere');
    expect(() => inline({ $ref: 'https://example.org/a.json' }, {})).toThrow('leads nowhere');
  });
});

describe('settings of provider operations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
  const url = pathToFileURL(`${folder}/`);
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (file: string, schema: object) => {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), JSON.stringify(schema));
  };
  const strength = { type: 'number', maximum: 1, description: 'How much.' };
  const closed = (properties: object) => ({ type: 'object', additionalProperties: false, properties, examples: [{}] });

  it('may be none at all', async () => {
    const none = readProviderSettings(url);
    expect(none.size).toBe(0);
    expect(renderSettingsValidators(none)).toContain('new Map([');
    expect(await renderSettingsTypes(none)).toContain('export type ProviderSettings = Record<never, never>;');
  });

  it('are found by provider and operation, complete in themselves', () => {
    write('Strength.json', { $defs: { any: strength } });
    write('providers/b/two.json', closed({ strength: { $ref: '../../Strength.json#/$defs/any' } }));
    write('providers/a/one.json', { ...closed({ own: { $ref: '#/$defs/own' } }), $defs: { own: strength } });
    const settings = readProviderSettings(url);
    expect([...settings.keys()]).toEqual(['a/one', 'b/two']);
    expect(settings.get('b/two')).toEqual(closed({ strength }));
    expect(settings.get('a/one')).toEqual(closed({ own: strength }));
    expect(checkSchemaFiles(url)).toEqual([]);
  });

  it('have a type also where alternatives only say what is required', async () => {
    const either = {
      ...closed({ a: { type: 'string' }, b: { type: 'string' } }),
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    };
    const types = await renderSettingsTypes(new Map([['a/one', either]]));
    expect(types).not.toContain('unknown');
    expect(types).toContain('a?: string;');
  });

  it.each<[string, object, string[]]>([
    ['open', { type: 'object', examples: [{}] }, ['is not a closed object']],
    ['silent about a member', closed({ a: { type: 'string' } }), ['the setting a has no description']],
    ['absolute', { ...closed({}), $id: 'https://example.org/one' }, ['has an $id']],
    ['without examples', { ...closed({}), examples: [] }, ['has no examples']],
    ['wrong in an example', { ...closed({}), examples: [{ a: 1 }] }, ['the example {"a":1} is not valid']],
    ['no schema', closed({ a: { type: 'strnig', description: 'A.' } }), ['is no JSON Schema', 'cannot be compiled']],
    [
      'made of words that mean nothing',
      closed({ a: { type: 'string', maxlength: 3, description: 'A.' } }),
      ['cannot be compiled'],
    ],
  ])('are refused when they are %s', (_name, schema, expected) => {
    write('providers/a/one.json', schema);
    const messages = checkSchemaFiles(url).map(({ message }) => message);
    expect(messages).toEqual(expected.map((words) => expect.stringContaining(words)));
  });

  it('that are no JSON are named', () => {
    writeFileSync(join(folder, 'Torn.json'), '{');
    const [finding] = checkSchemaFiles(url).filter(({ where }) => where.endsWith('/Torn.json'));
    expect(finding?.message).toContain('is no JSON');
    rmSync(join(folder, 'Torn.json'));
  });

  it('that are missing are named with who refers to them', () => {
    write('providers/a/one.json', closed({ a: { $ref: './gone.json' } }));
    expect(() => readProviderSettings(url)).toThrow(/one\.json refers to \.\/gone\.json, which cannot be read/);
    expect(checkSchemaFiles(url)).toMatchObject([{ message: expect.stringContaining('correct the reference') }]);
  });
});

describe('checks of a contract', () => {
  const json = (schema: object, more: object = {}) => ({ 'application/json': { schema, ...more } });
  const closedBody = { type: 'object', properties: { a: { type: 'integer' } } };
  const shows = (more: object) =>
    checkExamples(
      makeDocument({
        '/x': { get: makeOperation('x', { responses: { 200: { description: '', content: json(closedBody, more) } } }) },
      }),
    );

  it('an answer without an example is found, and one whose example is wrong', () => {
    expect(shows({})).toMatchObject([
      { where: 'x 200 application/json', message: 'has no example: add one that validates.' },
    ]);
    expect(shows({ example: { a: 'x' } })).toMatchObject([{ message: expect.stringContaining('is not valid') }]);
    expect(shows({ examples: { slip: { value: { aa: 1 } } } })).toMatchObject([
      { message: expect.stringContaining('the example slip') },
    ]);
    expect(shows({ example: { a: 1 } })).toEqual([]);
  });

  it('an error example under a status that is not its own is found', () => {
    const content = json({ type: 'object' }, { example: { error: { code: 'queue_busy' } } });
    const document = makeDocument({
      '/x': { get: makeOperation('x', { responses: { 404: { description: '', content } } }) },
    });
    expect(checkExamples(document)).toMatchObject([
      { message: expect.stringContaining('carries queue_busy, which is always 429') },
    ]);
  });

  const published = (codes: readonly string[], description = '`not_found`: no.') =>
    makeDocument(
      { '/x': { get: makeOperation('x', { responses: { 404: { description } } }) } },
      {
        components: {
          schemas: { ErrorFacts: { properties: { code: { 'x-extensible-enum': codes } } } },
        },
      },
    );
  const all = Object.keys(ERROR_STATUS).sort();

  it('the published codes are those of the server, in order, and each answer names its own', () => {
    expect(checkErrorCodes(published(all))).toEqual([]);
    expect(readPublishedCodes(published(['b', 'a']))).toEqual(['b', 'a']);
    expect(checkErrorCodes(published(all.slice(1)))).toMatchObject([
      { message: expect.stringContaining(`lacks ${all[0]}`) },
    ]);
    expect(checkErrorCodes(published([...all, 'zzz']))).toMatchObject([
      { message: expect.stringContaining('publishes zzz') },
    ]);
    expect(checkErrorCodes(published([...all].reverse()))).toMatchObject([
      { message: expect.stringContaining('not sorted') },
    ]);
    expect(checkErrorCodes(published(all, 'no.'))).toMatchObject([
      { message: expect.stringContaining('names no code') },
    ]);
    expect(checkErrorCodes(published(all, '`queue_busy`: no.'))).toMatchObject([
      { message: expect.stringContaining('names queue_busy') },
    ]);
  });
});
