/** Rules about the schema files themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import type { JsonSchema } from '../../src/contract/openapi-document.ts';
import { createAjv } from '../generate/ajv.ts';
import { readProviderSettings } from '../generate/provider-settings.ts';
import { mapSubschemas, withoutAnnotations } from '../generate/schemas.ts';
import type { Finding } from './finding.ts';

const SCHEMAS = new URL('../../spec/contracts/schemas/', import.meta.url);

/**
 * Every file is JSON and a JSON Schema of 2020-12, has no `$id` and refers to others by relative paths only. Settings of provider
 * operations are closed objects whose members are all described and whose examples, if any, are valid.
 */
export function checkSchemaFiles(folder: URL = SCHEMAS): Finding[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  return [...files.sort().flatMap((file) => checkFile(folder, file)), ...checkSettings(folder)];
}

function checkFile(folder: URL, file: string): Finding[] {
  const where = `spec/contracts/schemas/${file.replaceAll('\\', '/')}`;
  let schema: JsonSchema;
  try {
    schema = JSON.parse(readFileSync(new URL(file.replaceAll('\\', '/'), folder), 'utf8')) as JsonSchema;
  } catch (error) {
    return [{ where, message: `is no JSON: ${(error as Error).message}.` }];
  }
  const findings: Finding[] = [];
  const look = (part: JsonSchema): JsonSchema => {
    const reference = part['$ref'];
    if ('$id' in part) findings.push({ where, message: 'has an $id: remove it, files are named by their paths.' });
    if (typeof reference === 'string' && !/^(#|\.\.?\/)/.test(reference)) {
      findings.push({ where, message: `refers to ${reference}: begin a reference with "./", "../" or "#".` });
    }
    return mapSubschemas(part, look);
  };
  look(schema);
  const ajv = createAjv();
  if (!ajv.validateSchema(withoutAnnotations(schema)))
    findings.push({ where, message: `is no JSON Schema: ${ajv.errorsText()}.` });
  return findings;
}

function checkSettings(folder: URL): Finding[] {
  let settings: ReadonlyMap<string, JsonSchema>;
  try {
    settings = readProviderSettings(folder);
  } catch (error) {
    return [
      { where: 'spec/contracts/schemas/providers', message: `${(error as Error).message}: correct the reference.` },
    ];
  }
  return [...settings].flatMap(([key, schema]) => {
    const where = `spec/contracts/schemas/providers/${key}.json`;
    const findings: Finding[] = [];
    if (
      schema['type'] !== 'object' ||
      (schema['additionalProperties'] !== false && schema['unevaluatedProperties'] !== false)
    ) {
      findings.push({
        where,
        message: 'is not a closed object: add "type": "object" and "additionalProperties": false.',
      });
    }
    const members = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
    for (const [name, member] of Object.entries(members)) {
      if (member['description'] === undefined)
        findings.push({ where, message: `the setting ${name} has no description: add one.` });
    }
    return [...findings, ...checkSettingsExamples(where, schema)];
  });
}

function checkSettingsExamples(where: string, schema: JsonSchema): Finding[] {
  const ajv = createAjv();
  try {
    const validate = ajv.compile(withoutAnnotations(schema));
    const examples = (schema['examples'] ?? []) as unknown[];
    const faulty = examples.filter((example) => !validate(example));
    if (examples.length === 0) return [{ where, message: 'has no examples: add one that validates.' }];
    return faulty.map((example) => ({
      where,
      message: `the example ${JSON.stringify(example)} is not valid: correct it.`,
    }));
  } catch (error) {
    return [{ where, message: `cannot be compiled: ${(error as Error).message}.` }];
  }
}
