/** The settings of each provider operation: one schema file, one validator, one type. */
import { readdirSync, readFileSync } from 'node:fs';
import type { JsonSchema, OpenApiDocument } from '../../src/contract/openapi-document.ts';
import { resolveReference } from '../../src/contract/openapi-document.ts';
import { inlineReferences, type ReferenceScope, withoutAnnotations } from './schemas.ts';
import { renderTypes } from './types.ts';
import { renderValidators } from './validators.ts';

const SCHEMAS = new URL('../../spec/contracts/schemas/', import.meta.url);

/**
 * @returns the schemas of `providers/<provider>/<operation>.json` by `<provider>/<operation>`, sorted, each complete in itself.
 * No file at all is fine.
 * @throws Error naming the file, when it is no JSON or refers to something that is not there.
 */
export function readProviderSettings(folder: URL = SCHEMAS): Map<string, JsonSchema> {
  const found = new Map<string, JsonSchema>();
  for (const provider of listNames(new URL('providers/', folder), 'directory')) {
    for (const file of listNames(new URL(`providers/${provider}/`, folder), 'file')) {
      if (!file.endsWith('.json')) continue;
      const url = new URL(`providers/${provider}/${file}`, folder);
      const schema = inlineReferences({ $ref: url.href }, fileScope(url));
      found.set(`${provider}/${file.slice(0, -'.json'.length)}`, schema);
    }
  }
  return found;
}

/** `image_edit` of `gemini` → `gemini_image_edit`: a component's name knows no slash. */
const componentName = (key: string) => key.replaceAll(/[^A-Za-z0-9_.-]/g, '_');

/** @returns the types of all settings, and `ProviderSettings`, which finds them by `<provider>/<operation>`. */
export async function renderSettingsTypes(settings: ReadonlyMap<string, JsonSchema>): Promise<string> {
  const document: OpenApiDocument = {
    openapi: '3.1.0',
    info: { title: 'Settings of provider operations', version: '0.0.0' },
    paths: {},
    components: { schemas: Object.fromEntries([...settings].map(([key, schema]) => [componentName(key), schema])) },
  };
  const types = settings.size === 0 ? '' : `${await renderTypes(document)}\n`;
  const members = [...settings.keys()].map((key) => `  '${key}': components['schemas']['${componentName(key)}'];`);
  return [
    `${types}/** The settings of every provider operation by \`<provider>/<operation>\`. */`,
    members.length === 0
      ? 'export type ProviderSettings = Record<never, never>;'
      : `export interface ProviderSettings {\n${members.join('\n')}\n}`,
    '',
    '/** `<provider>/<operation>` of every operation that has settings. */',
    'export type ProviderSettingsKey = keyof ProviderSettings;',
  ].join('\n');
}

export function renderSettingsValidators(settings: ReadonlyMap<string, JsonSchema>): string {
  const named = [...settings].map(([key, schema], index) => ({ key, schema, name: `v${index}` }));
  const validators = renderValidators(new Map(named.map(({ name, schema }) => [name, withoutAnnotations(schema)])));
  const entries = named.map(
    ({ key, schema, name }) => `  [${JSON.stringify(key)}, { validate: ${name}, schema: ${JSON.stringify(schema)} }],`,
  );
  return `${validators}\nexport const providerSettings = new Map([\n${entries.join('\n')}\n]);`;
}

export const SETTINGS_DECLARATIONS = `import type { Validator } from './validators.js';
export type { ProviderSettings, ProviderSettingsKey } from './provider-settings-types.ts';

/** By \`<provider>/<operation>\`: the check of its settings, and their JSON Schema, complete in itself, to show to others. */
export declare const providerSettings: ReadonlyMap<
  string,
  { readonly validate: Validator; readonly schema: Readonly<Record<string, unknown>> }
>;`;

/** References of a file: to a place in itself, or to a file beside it. */
function fileScope(file: URL): ReferenceScope {
  return {
    name: (reference) => new URL(reference, file).href,
    find(reference) {
      const target = new URL(reference, file);
      const pointer = target.hash;
      target.hash = '';
      let document: OpenApiDocument & JsonSchema;
      try {
        document = JSON.parse(readFileSync(target, 'utf8'));
      } catch (error) {
        throw new Error(`${file.pathname} refers to ${reference}, which cannot be read.`, { cause: error });
      }
      const schema =
        pointer.length > 1 ? resolveReference<JsonSchema>(document, { $ref: decodeURI(pointer) }) : document;
      return { schema, scope: fileScope(target) };
    },
  };
}

function listNames(folder: URL, kind: 'directory' | 'file'): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries
      .filter((entry) => (kind === 'file' ? entry.isFile() : entry.isDirectory()))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
