import { describe, expect, it } from 'vitest';
import { providerSettings } from '../../generated/provider-settings.js';
import { checkProviderSettings, findSettingsSchema } from '../../src/contract/provider-settings.ts';

describe('settings of provider operations', () => {
  const all = [...providerSettings.keys()].map((key) => key.split('/') as [string, string]);

  it.each(all)('%s/%s accepts its own examples and refuses a setting it does not know', (provider, operation) => {
    const examples = findSettingsSchema(provider, operation)?.['examples'] as readonly object[];
    expect(examples.map((example) => checkProviderSettings(provider, operation, example))).toEqual(
      examples.map(() => []),
    );
    const unknown = { ...examples[0], 'a/b': 1 };
    expect(checkProviderSettings(provider, operation, unknown, '/body/settings_json')).toContainEqual({
      pointer: '/body/settings_json/a~1b',
      message: 'is not known',
      keyword: 'additionalProperties',
    });
  });

  it.each([
    ['nobody', 'nothing'],
    ['__proto__', ''],
    ['studio', ''],
  ])('%s/%s has none', (provider, operation) => {
    expect(checkProviderSettings(provider, operation, {})).toBeUndefined();
    expect(findSettingsSchema(provider, operation)).toBeUndefined();
  });
});
