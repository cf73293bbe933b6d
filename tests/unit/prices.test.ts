import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { hasDecimals } from '../../src/domain/decimals.ts';
import { ANY_MODEL, modelOf, NO_PRICES, type PriceList, priceOf } from '../../src/domain/prices.ts';
import { GEMINI_DESCRIPTION } from '../../src/providers/gemini/description.ts';
import { OPENAI_DESCRIPTION } from '../../src/providers/openai/description.ts';
import { TURBOTEXT_DESCRIPTION } from '../../src/providers/turbotext/description.ts';

const LIST: PriceList = {
  currency: 'EUR',
  prices: [
    { providerId: 'gemini', model: ANY_MODEL, price: 0.04 },
    { providerId: 'gemini', model: 'gemini-3-pro-image', price: 0.134 },
    { providerId: 'openai', model: 'gpt-image-2', price: 0 },
  ],
};

describe('the price of a call', () => {
  test.each([
    ['the model’s own', 'gemini', 'gemini-3-pro-image', 0.134],
    ['that of every model, where it has none of its own', 'gemini', 'gemini-3.1-flash-image', 0.04],
    ['nothing, where that was said', 'openai', 'gpt-image-2', 0],
    ['not known for another model', 'openai', 'gpt-image-1.5', null],
    ['not known for a provider that is not in the list', 'turbotext', ANY_MODEL, null],
    ['not known for a name of the prototype', '__proto__', 'constructor', null],
    ['nothing for the studio, which is in no list', 'studio', ANY_MODEL, 0],
  ])('is %s', (_, providerId, model, expected) => expect(priceOf(LIST, providerId, model)).toBe(expected));

  it('is not known while there is no list', () => expect(priceOf(NO_PRICES, 'gemini', ANY_MODEL)).toBeNull());
});

describe('the model of a call', () => {
  const { operations } = OPENAI_DESCRIPTION;

  test.each([
    ['what the settings say', 'image_edit', { model: 'gpt-image-1.5' }, 'gpt-image-1.5'],
    ['the operation’s own where they say nothing', 'image_edit', {}, 'gpt-image-2'],
    ['the operation’s own where they say nothing that makes sense', 'image_edit', { model: 7 }, 'gpt-image-2'],
    ['every model where the operation is not known', 'paint', { model: 'x' }, ANY_MODEL],
  ])('is %s', (_, operationId, settings, expected) =>
    expect(modelOf(operations, operationId, settings)).toBe(expected),
  );

  it('is every model where there is none to choose', () =>
    expect(modelOf(TURBOTEXT_DESCRIPTION.operations, 'image_edit', { model: 'x' })).toBe(ANY_MODEL));
});

const SCHEMAS = join(import.meta.dirname, '../../spec/contracts/schemas/providers');
const SERVICES = join(import.meta.dirname, '../../src/providers/poll-service/descriptions');

/** The model that the operation's schema names as its default. */
function schemaDefault(providerId: string, operationId: string): string | undefined {
  const schema = JSON.parse(readFileSync(join(SCHEMAS, providerId, `${operationId}.json`), 'utf8'));
  return schema.properties.model?.default;
}

describe('the model that a description names is the default of the settings’ schema', () => {
  const described = [GEMINI_DESCRIPTION, OPENAI_DESCRIPTION, TURBOTEXT_DESCRIPTION].flatMap(({ id, operations }) =>
    operations.map((operation) => [id, operation.id, operation.modelDefault] as const),
  );

  test.each(described)('%s %s', (providerId, operationId, modelDefault) =>
    expect(modelDefault).toBe(schemaDefault(providerId, operationId)),
  );

  test.each(readdirSync(SERVICES).map((file) => basename(file, '.json')))('%s', (providerId) => {
    const { operations } = JSON.parse(readFileSync(join(SERVICES, `${providerId}.json`), 'utf8'));
    for (const { id, defaults } of operations) expect(defaults.model).toBe(schemaDefault(providerId, id));
  });
});

describe('digits after the point', () => {
  it('are counted as people write them', () => {
    const amount = fc.integer({ min: 0, max: 999_999_999_999 });
    fc.assert(fc.property(amount, (units) => hasDecimals(Number(`${units}e-4`), 4)));
    fc.assert(fc.property(amount, (units) => !hasDecimals(Number(`${units}5e-5`), 4)));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-7, 0.1 + 0.2])(
    '%j has too many, or is no number',
    (value) => expect(hasDecimals(value, 6)).toBe(false),
  );
});
