import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { GEMINI_DESCRIPTION } from '../../src/providers/gemini/description.ts';
import { MODEL_DEFAULT, planCall } from '../../src/providers/gemini/plan-call.ts';
import { editInput } from '../support/gemini.ts';

const SCHEMAS = new URL('../../spec/contracts/schemas/', import.meta.url);
const schema = JSON.parse(readFileSync(new URL('providers/gemini/image_edit.json', SCHEMAS), 'utf8'));
const isValid = new Ajv2020({ strict: true }).compile(schema);

describe('the settings of image_edit', () => {
  it('have a schema for every operation the adapter describes', () => {
    for (const { schemaRef } of GEMINI_DESCRIPTION.operations)
      expect(() => readFileSync(new URL(schemaRef, SCHEMAS))).not.toThrow();
  });

  it('accept their own examples, each of which can be planned', () => {
    for (const example of schema.examples) {
      expect(isValid(example)).toBe(true);
      expect(planCall(editInput({ path: '', mimeType: 'image/jpeg', sizeBytes: 1 }, example))).toMatchObject({
        parts: [{}, {}],
      });
    }
  });

  it.each([
    {},
    { prompt: '' },
    { prompt: ' \n' },
    { prompt: 'x'.repeat(2001) },
    { prompt: 'x', model: 'Gemini/../x' },
    { prompt: 'x', aspect_ratio: '2/3' },
    { prompt: 'x', image_size: '8K' },
    { prompt: 'x', output: { quality: 0 } },
    { prompt: 'x', output: { max_side_px: 255 } },
    { prompt: 'x', output: { colour: 'red' } },
    { prompt: 'x', api_key: 'never here' },
  ])('refuse %j', (settings) => {
    expect(isValid(settings)).toBe(false);
  });

  it('name the default model that the adapter uses', () => {
    expect(schema.properties.model.default).toBe(MODEL_DEFAULT);
    expect(isValid({ prompt: 'x', model: 'gemini-9.9-not-yet-known' })).toBe(true);
  });
});
