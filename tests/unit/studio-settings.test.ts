import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { readProviderSettings } from '../../scripts/generate/provider-settings.ts';
import { undrawableCharacters } from '../../src/providers/studio/caption.ts';
import { createStudioProvider } from '../../src/providers/studio/studio-provider.ts';
import { untilAborted } from '../../src/providers/studio/until-aborted.ts';

const SETTINGS = readProviderSettings();
const { description } = createStudioProvider({ pixelsMax: 1, cores: 3 });

interface SettingsSchema {
  readonly additionalProperties: unknown;
  readonly properties: Record<string, { title?: string; description?: string; default?: unknown; pattern?: string }>;
  readonly examples: readonly unknown[];
}

function schemaOf(operationId: string): SettingsSchema {
  return SETTINGS.get(`studio/${operationId}`) as unknown as SettingsSchema;
}

function validator(operationId: string) {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile(schemaOf(operationId));
}

describe('the studio’s description', () => {
  it('promises what the studio keeps', () => {
    expect(description).toMatchObject({ id: 'studio', inputTravel: 'inline', runningMax: 3, callsPerMinute: null });
    expect(description.mimeTypes).toEqual(['image/jpeg', 'image/png', 'image/webp']);
    expect(description.operations.map(({ id }) => id)).toEqual(['frame', 'crop', 'filter', 'watermark']);
  });
});

describe.each(description.operations.map(({ id }) => id))('the settings of %s', (operationId) => {
  const schema = schemaOf(operationId);
  const isValid = validator(operationId);

  it('are closed, and every one has a title, a description and a default or an absence that means something', () => {
    expect(schema.additionalProperties).toBe(false);
    for (const [key, property] of Object.entries(schema.properties)) {
      expect([key, property.title?.length, property.description?.length]).not.toContain(undefined);
      if (!key.endsWith('_media_id') && key !== 'text') expect([key, property.default]).not.toContain(undefined);
    }
  });

  it('have examples that are valid', () => {
    expect(schema.examples.map((example) => isValid(example))).toEqual(schema.examples.map(() => true));
    expect(schema.examples.length).toBeGreaterThan(0);
  });

  it('are valid when empty, unless a text or picture is the whole point', () => {
    expect(isValid({})).toBe(operationId !== 'watermark');
  });

  it.each([
    { output: { quality: 0 } },
    { output: { quality: 101 } },
    { output: { max_side_px: 255 } },
    { output: { max_side_px: 4097 } },
    { output: { format: 'gif' } },
    { output: { print_ratio: '2/3' } },
    { output: { fit: 'stretch' } },
    { output: { pad_color: 'white' } },
    { output: { enlarge: true } },
    { output: { other: 1 } },
    { other: 1 },
  ])('refuse %j', (settings) => {
    expect(isValid({ ...(operationId === 'watermark' ? { text: 'x' } : {}), ...settings })).toBe(false);
  });

  it('offer the same result file as every other operation', () => {
    expect(schema.properties.output).toEqual(schemaOf('crop').properties.output);
  });

  it('lay a frame over what was made, unless framing is the point', () => {
    expect(Object.hasOwn(schema.properties, 'finish_frame_media_id')).toBe(operationId !== 'frame');
  });
});

describe('caption settings', () => {
  it.each([
    ['frame', 'caption'],
    ['watermark', 'text'],
  ])('%s accepts exactly the characters that can be drawn', (operationId, key) => {
    const pattern = new RegExp(schemaOf(operationId).properties[key]?.pattern ?? '', 'u');
    const disagreements = Array.from({ length: 0x1_1000 }, (_, codePoint) => String.fromCodePoint(codePoint)).filter(
      (character) => pattern.test(character) !== (undrawableCharacters(character).length === 0),
    );
    expect(disagreements).toEqual([]);
    expect(undrawableCharacters('Съешь ещё этих мягких французских булок, да выпей же чаю! ЁЙЪ №1 «100 ₽»')).toEqual(
      [],
    );
    expect(undrawableCharacters('constructor __proto__')).toEqual([]);
  });
});

describe('print_ratio', () => {
  it.each(['0:1', '1:0', '2/3', '100:1', '-2:3', '2:3 ', '2:3\n', ''])('refuses %j', (print_ratio) => {
    expect(validator('crop')({ print_ratio })).toBe(false);
  });
});

describe('untilAborted', () => {
  it('drops a late fault and a late result', async () => {
    const controller = new AbortController();
    const reason = new Error('late');
    const { promise, reject } = Promise.withResolvers<never>();
    const raced = untilAborted(promise, controller.signal);
    controller.abort(reason);
    reject(new Error('nobody hears this'));
    await expect(raced).rejects.toBe(reason);
    await expect(untilAborted(Promise.resolve(1), controller.signal)).rejects.toBe(reason);
  });

  it('passes on what comes in time', async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(untilAborted(Promise.reject(new Error('fault')), signal)).rejects.toThrow('fault');
  });
});
