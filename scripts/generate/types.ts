/** TypeScript types from schemas, through openapi-typescript. */
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import ts from 'typescript';
import type { JsonSchema, OpenApiDocument } from '../../src/contract/openapi-document.ts';
import { mapSubschemas } from './schemas.ts';

const BLOB = ts.factory.createTypeReferenceNode('Blob');

/** Keywords that give a value a shape, as opposed to rules like `required` or `not` that only restrict one. */
const SHAPES = [
  '$ref',
  'additionalProperties',
  'allOf',
  'anyOf',
  'const',
  'enum',
  'items',
  'oneOf',
  'properties',
  'type',
];

/**
 * @returns the declarations `paths`, `components` and `operations`. Binary content is a `Blob`; a property with a default stays
 * optional, because nothing fills defaults in.
 */
export async function renderTypes(document: OpenApiDocument): Promise<string> {
  const schemas = Object.entries(document.components?.['schemas'] ?? {});
  const shaped = Object.fromEntries(schemas.map(([name, schema]) => [name, withoutRuleBranches(schema as JsonSchema)]));
  const source = { ...document, components: { ...document.components, schemas: shaped } };
  const nodes = await openapiTS(source as unknown as OpenAPI3, {
    defaultNonNullable: false,
    silent: true,
    transform: (schema) => ('format' in schema && schema.format === 'binary' ? BLOB : undefined),
  });
  return astToString(nodes);
}

/**
 * Drops combinations whose branches are rules without a shape, as `anyOf: [{ required: [a] }, { required: [b] }]`: the type of such
 * a branch is `unknown`, and a union with `unknown` is `unknown` as a whole.
 */
function withoutRuleBranches(schema: JsonSchema): JsonSchema {
  const isRule = (branch: JsonSchema) => !SHAPES.some((keyword) => keyword in branch);
  const kept = Object.entries(schema).filter(
    ([keyword, value]) => !(['allOf', 'anyOf', 'oneOf'].includes(keyword) && (value as JsonSchema[]).every(isRule)),
  );
  return mapSubschemas(Object.fromEntries(kept), withoutRuleBranches);
}
