import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { readProviderSettings } from '../../scripts/generate/provider-settings.ts';
import { MODEL_DEFAULT, OPENAI_DESCRIPTION } from '../../src/providers/openai/description.ts';
import { type PlannedCall, planCall } from '../../src/providers/openai/plan-call.ts';
import type { SourceImage } from '../../src/providers/provider.ts';
import { editInput } from '../support/gemini.ts';

const SCHEMAS = new URL('../../spec/contracts/schemas/', import.meta.url);
const schema = readProviderSettings().get('openai/image_edit') as unknown as {
  readonly examples: readonly Record<string, unknown>[];
  readonly properties: { readonly size: { readonly examples: readonly string[] }; readonly model: { default: string } };
};
const ajv = new Ajv2020({ strict: true });
addFormats.default(ajv);
const isValid = ajv.compile(schema);
const PHOTO: SourceImage = { path: '', mimeType: 'image/jpeg', sizeBytes: 1 };

const plan = (settings: Record<string, unknown>) => planCall(editInput(PHOTO, settings));
const fieldsOf = (call: PlannedCall | string) => Object.fromEntries((call as PlannedCall).fields);

describe('the settings of image_edit', () => {
  it('have a schema for every operation the adapter describes', () => {
    for (const { schemaRef } of OPENAI_DESCRIPTION.operations)
      expect(() => readFileSync(new URL(schemaRef, SCHEMAS))).not.toThrow();
  });

  it('accept their own examples, each of which can be planned', () => {
    for (const example of schema.examples) {
      expect(isValid(example)).toBe(true);
      expect(plan(example)).toMatchObject({ images: [PHOTO] });
    }
    for (const size of schema.properties.size.examples) expect(plan({ size })).toMatchObject({ images: [PHOTO] });
  });

  it.each([
    {},
    { prompt: '' },
    { prompt: ' \n' },
    { prompt: 'x'.repeat(32_001) },
    { prompt: 'x', model: 'GPT/../x' },
    { prompt: 'x', size: '1024' },
    { prompt: 'x', size: '10x10' },
    { prompt: 'x', size: '10000x1024' },
    { prompt: 'x', quality: 'best' },
    { prompt: 'x', background: 'white' },
    { prompt: 'x', input_fidelity: 'medium' },
    { prompt: 'x', moderation: 'off' },
    { prompt: 'x', template_media_ids: [] },
    { prompt: 'x', template_media_ids: ['ingest'] },
    { prompt: 'x', output: { quality: 0 } },
    { prompt: 'x', output: { colour: 'red' } },
    { prompt: 'x', user: 'never here' },
    { prompt: 'x', api_key: 'never here' },
  ])('refuse %j', (settings) => {
    expect(isValid(settings)).toBe(false);
  });

  it('name the default model that the adapter uses, and take models that do not exist yet', () => {
    expect(schema.properties.model.default).toBe(MODEL_DEFAULT);
    expect(isValid({ prompt: 'x', model: 'gpt-image-9.9-not-yet-known' })).toBe(true);
  });
});

describe('a planned call', () => {
  it('asks for one JPEG where the settings ask for nothing else', () => {
    expect(fieldsOf(plan({ prompt: 'A comic.' }))).toEqual({
      model: 'gpt-image-2',
      prompt: 'A comic.',
      n: '1',
      output_format: 'jpeg',
    });
  });

  it('asks for what can be transparent where the background is to be', () => {
    expect(fieldsOf(plan({ background: 'transparent' }))['output_format']).toBe('png');
    const webp = plan({ background: 'transparent', output: { format: 'webp' } });
    expect(fieldsOf(webp)['output_format']).toBe('webp');
    expect(plan({ background: 'transparent', output: { format: 'jpeg' } })).toContain('transparent');
  });

  it.each([
    ['gpt-image-1', 'high'],
    ['gpt-image-1.5', 'high'],
    ['gpt-image-2', undefined],
    ['gpt-image-2-2026-04-21', undefined],
    ['gpt-image-2.5-flare', undefined],
  ])('tells %s the likeness: %s', (model, expected) => {
    expect(fieldsOf(plan({ model, input_fidelity: 'high' }))['input_fidelity']).toBe(expected);
  });

  it.each([
    ['1000x1024', 'divisible by 16'],
    ['4096x2048', 'longer than 3840'],
    ['3072x1008', 'at most 3 times'],
    ['640x1008', 'at least 655360'],
    ['3840x2176', 'at most 8294400'],
    ['1e3x1024', 'neither auto'],
  ])('is none with the size %s', (size, rule) => {
    expect(plan({ size })).toContain(rule);
    const turned = size.split('x').reverse().join('x');
    expect(plan({ size: turned })).toEqual(expect.any(String));
  });

  it.each(['640x1024', '1024x640', '3840x2160', '2160x3840', '3072x1024', '1200x1792'])('takes the size %s', (size) => {
    expect(fieldsOf(plan({ size }))['size']).toBe(size);
  });

  it('has the photo first and the templates after it, in their order, at most sixteen pictures', () => {
    const templates = Array.from({ length: 15 }, (_, index) => ({ ...PHOTO, path: `/template-${index}` }));
    const withTemplates = (list: readonly SourceImage[]) =>
      planCall({ ...editInput(PHOTO), references: new Map([['template_media_ids', list]]) });
    expect(withTemplates(templates)).toMatchObject({ images: [PHOTO, ...templates] });
    expect(withTemplates([...templates, PHOTO])).toContain('more than 15');
    expect(withTemplates([{ ...PHOTO, mimeType: 'image/heic' }])).toContain('image/heic');
  });

  it('is none for another operation, nor without a prompt', () => {
    expect(planCall({ ...editInput(PHOTO), operationId: 'style_transfer' })).toContain('style_transfer');
    expect(plan({ prompt: ' ' })).toContain('no prompt');
  });
});
