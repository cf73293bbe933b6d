import { describe, expect, it } from 'vitest';
import { readProviderSettings } from '../../scripts/generate/provider-settings.ts';
import { FINISH_FRAME_KEY, outputWishOf } from '../../src/domain/output-wish.ts';
import { isTemplateKey, needsTransparency } from '../../src/domain/templates.ts';

type Properties = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const OPERATIONS = [...readProviderSettings()].map(([operation, schema]) => ({
  operation,
  properties: schema['properties'] as Properties,
}));
const rulesOf = ({ title: _, description: __, default: ___, ...rules }: Readonly<Record<string, unknown>>) => rules;
const ONE = OPERATIONS[0]?.properties['output'] ?? {};

describe.each(OPERATIONS)('the result file of $operation', ({ operation, properties }) => {
  it('can be what that of every other operation can be', () => {
    expect(rulesOf(properties['output'] ?? {})).toEqual(rulesOf(ONE));
  });

  it('can have a frame, unless a frame is what the operation makes', () => {
    expect(Object.hasOwn(properties, FINISH_FRAME_KEY)).toBe(operation !== 'studio/frame');
  });
});

describe('every setting of a result file', () => {
  const properties = ONE['properties'] as Properties;

  it.each(Object.entries(properties).map(([key, property]) => ({ key, property })))(
    '$key is described, has an example, and is heeded',
    ({ key, property }) => {
      expect([typeof property['title'], typeof property['description']]).toEqual(['string', 'string']);
      const [example] = property['examples'] as unknown[];
      const read = Object.values(outputWishOf({ output: { [key]: example } }) ?? {});
      expect(read).toContain(example);
    },
  );

  it('stands alone: no schema that is shown refers to a file', () => {
    expect(JSON.stringify(OPERATIONS)).not.toContain('$ref');
  });
});

describe('the frame of a result', () => {
  it('is a template picture with transparency', () => {
    expect(isTemplateKey(FINISH_FRAME_KEY) && needsTransparency(FINISH_FRAME_KEY)).toBe(true);
  });
});
