import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providerSettings } from '../../generated/provider-settings.js';
import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { isListKey, namedTemplates } from '../../src/domain/templates.ts';
import { chooseUploads, INLINE_BASE64_BYTES_MAX } from '../../src/providers/gemini/choose-uploads.ts';
import { GEMINI_DESCRIPTION, MODEL_DEFAULT } from '../../src/providers/gemini/description.ts';
import { planCall } from '../../src/providers/gemini/plan-call.ts';
import type { ProviderInput, SourceImage } from '../../src/providers/provider.ts';
import { editInput, templateInput } from '../support/gemini.ts';

const ID = '4f1c9a52-7a9e-4c6e-9f0f-0f3f7d1f2b11';
const OTHER_ID = '9a1c3f52-1a9e-4c6e-8f0f-0f3f7d1f2b22';
const PHOTO: SourceImage = { path: 'photo', mimeType: 'image/jpeg', sizeBytes: 1 };
const template = (path: string): SourceImage => ({ path, mimeType: 'image/png', sizeBytes: 1 });

const isTaken = (operation: string, settings: object): boolean =>
  checkProviderSettings('gemini', operation, settings)?.length === 0;

/** The files of a planned call, in the order they are sent; or why there is no call. */
function sent(input: ProviderInput): string | string[] {
  const call = planCall(input);
  if (typeof call === 'string') return call;
  return call.parts.map((part) => (part.kind === 'image' ? part.image.path : 'prompt'));
}

describe('the settings', () => {
  it.each(GEMINI_DESCRIPTION.operations.map(({ id, schemaRef }) => [id, schemaRef] as const))(
    'of %s accept their own examples, each of which can be planned',
    (id, schemaRef) => {
      expect(schemaRef).toBe(`providers/gemini/${id}.json`);
      const { schema } = providerSettings.get(`gemini/${id}`) ?? expect.fail(schemaRef);
      for (const example of schema['examples'] as Record<string, unknown>[]) {
        expect(checkProviderSettings('gemini', id, example)).toEqual([]);
        const names = namedTemplates(example);
        const templates = Object.fromEntries(names.map(({ key }) => [key, isListKey(key) ? [PHOTO] : PHOTO]));
        expect(sent({ ...templateInput(id, { ...PHOTO }, templates), settings: example })).toHaveLength(
          id === 'image_edit' ? 2 + names.length : 3,
        );
      }
    },
  );

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
    { prompt: 'x', template_media_ids: [] },
    { prompt: 'x', template_media_ids: ['ingest'] },
    { prompt: 'x', template_media_ids: [ID, ID] },
    { prompt: 'x', template_media_ids: Array.from({ length: 14 }, () => crypto.randomUUID()) },
  ])('of an edit refuse %j', (settings) => {
    expect(isTaken('image_edit', settings)).toBe(false);
  });

  it.each<[object, boolean]>([
    [{ prompt: 'x', style_media_id: ID }, true],
    [{ prompt: 'x', style_media_id: 'ingest' }, false],
    [{ prompt: 'x' }, false],
    [{ style_media_id: ID }, false],
    [{ prompt: 'x', style_media_id: ID, template_media_ids: [ID] }, false],
  ])('of a style need a style picture, which is not the photo: %j', (settings, expected) => {
    expect(isTaken('style_transfer', settings)).toBe(expected);
  });

  it.each<[object, boolean]>([
    [{ base_media_id: ID }, true],
    [{ overlay_media_id: ID }, true],
    [{ base_media_id: ID, overlay_media_id: 'ingest' }, true],
    [{ base_media_id: 'ingest', overlay_media_id: ID }, true],
    [{ base_media_id: ID, overlay_media_id: OTHER_ID }, true],
    [{}, false],
    [{ base_media_id: 'ingest' }, false],
    [{ base_media_id: 'ingest', overlay_media_id: 'ingest' }, false],
    [{ base_media_id: 'photo', overlay_media_id: ID }, false],
    [{ face_media_id: ID }, false],
  ])('of an identity name a template at least once: %j', (settings, expected) => {
    expect(isTaken('identity_transfer', { prompt: 'x', ...settings })).toBe(expected);
    expect(isTaken('identity_transfer', settings)).toBe(false);
  });

  it('name the default model that the adapter uses, and any model there may be', () => {
    for (const { id, modelDefault } of GEMINI_DESCRIPTION.operations) {
      const { schema } = providerSettings.get(`gemini/${id}`) ?? expect.fail(id);
      expect([modelDefault, schema]).toMatchObject([
        MODEL_DEFAULT,
        { properties: { model: { default: MODEL_DEFAULT } } },
      ]);
    }
    expect(isTaken('image_edit', { prompt: 'x', model: 'gemini-9.9-not-yet-known' })).toBe(true);
  });
});

describe('a call', () => {
  const [first, second] = [template('first'), template('second')] as const;

  it.each<[string, ProviderInput, string | string[]]>([
    ['an edit', editInput(PHOTO), ['prompt', 'photo']],
    [
      'an edit with templates',
      templateInput('image_edit', PHOTO, { template_media_ids: [second, first] }),
      ['prompt', 'photo', 'second', 'first'],
    ],
    [
      'an edit with more templates than a model looks at',
      templateInput('image_edit', PHOTO, { template_media_ids: Array.from({ length: 14 }, () => first) }),
      'more than 13 template pictures',
    ],
    ['a style', templateInput('style_transfer', PHOTO, { style_media_id: first }), ['prompt', 'photo', 'first']],
    ['a style without one', templateInput('style_transfer', PHOTO, {}), 'the settings name no style picture'],
    [
      'an identity on a base',
      templateInput('identity_transfer', PHOTO, { base_media_id: first }, { overlay_media_id: 'ingest' }),
      ['prompt', 'first', 'photo'],
    ],
    [
      'an identity with an overlay',
      templateInput('identity_transfer', PHOTO, { overlay_media_id: first }),
      ['prompt', 'photo', 'first'],
    ],
    [
      'an identity of templates',
      templateInput('identity_transfer', PHOTO, { base_media_id: first, overlay_media_id: second }),
      ['prompt', 'first', 'second'],
    ],
    [
      'an identity of the photo alone',
      templateInput('identity_transfer', PHOTO, {}, { base_media_id: 'ingest' }),
      'only one of base and overlay can be the photo',
    ],
    [
      'an identity whose template is missing',
      templateInput('identity_transfer', PHOTO, { base_media_id: first }, { overlay_media_id: ID }),
      'a template picture that the settings name is not there',
    ],
    ['another operation', { ...editInput(PHOTO), operationId: 'crop' }, 'the operation crop is not known here'],
    ['no prompt', editInput(PHOTO, { prompt: ' ' }), 'the settings hold no prompt'],
  ])('holds the prompt and the pictures in the order a prompt counts them: %s', (_what, input, expected) => {
    expect(sent(input)).toEqual(expected);
  });

  it('of the older model takes no HEIC, whichever picture it is', () => {
    const heic: SourceImage = { ...PHOTO, mimeType: 'image/heic' };
    const model = 'gemini-2.5-flash-image';
    const refusal = `the model ${model} does not take HEIC or HEIF`;
    expect(sent(editInput(heic, { model }))).toBe(refusal);
    expect(sent(templateInput('identity_transfer', heic, { base_media_id: first }, { model }))).toBe(refusal);
    expect(sent(templateInput('image_edit', PHOTO, { template_media_ids: [heic] }, { model }))).toBe(refusal);
    expect(sent(editInput(heic))).toEqual(['prompt', 'photo']);
  });
});

describe('images to upload', () => {
  const base64Bytes = ({ sizeBytes }: SourceImage): number => Math.ceil(sizeBytes / 3) * 4;
  const sum = (images: readonly SourceImage[]): number =>
    images.reduce((bytes, image) => bytes + base64Bytes(image), 0);
  const ofSize = (sizeBytes: number): SourceImage => ({ ...PHOTO, sizeBytes });

  it('are none up to 15 MB of base64, and one beyond it', () => {
    expect(chooseUploads([ofSize(11_250_000)])).toEqual([]);
    expect(chooseUploads([ofSize(11_250_001)])).toHaveLength(1);
    expect(chooseUploads([ofSize(11_249_997), ofSize(3)])).toEqual([]);
    expect(chooseUploads([ofSize(4), ofSize(11_249_997)])).toEqual([ofSize(11_249_997)]);
  });

  it('are as few as possible, the rest fits, and each is one of the images', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30_000_000 }), { minLength: 1, maxLength: 14 }), (sizes) => {
        const images = sizes.map(ofSize);
        const uploads = chooseUploads(images);
        const inline = images.filter((image) => !uploads.includes(image));
        expect(inline.length + uploads.length).toBe(images.length);
        expect(sum(inline)).toBeLessThanOrEqual(INLINE_BASE64_BYTES_MAX);
        const largest = images.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
        if (uploads.length > 0) expect(sum(largest.slice(uploads.length - 1))).toBeGreaterThan(INLINE_BASE64_BYTES_MAX);
      }),
    );
  });
});
