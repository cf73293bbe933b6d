/** Pure transformations of JSON Schemas on their way from the contract to a validator. */
import type { JsonSchema } from '../../src/contract/openapi-document.ts';

/** Finds what a reference names, and how the references inside of that are to be read. */
export interface ReferenceScope {
  /** A name of the target that is the same wherever it is referred to; cycles are found by it. */
  name(reference: string): string;
  /** @throws Error when there is nothing. */
  find(reference: string): { readonly schema: JsonSchema; readonly scope: ReferenceScope };
}

/** Keywords whose value is one schema, a list of schemas, or schemas by name (JSON Schema 2020-12). */
const ONE_SCHEMA = [
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];
const SCHEMA_LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const SCHEMAS_BY_NAME = ['dependentSchemas', 'patternProperties', 'properties'];

/** Keywords that say something to people only. */
const ANNOTATIONS = new Set([
  '$comment',
  '$schema',
  'default',
  'deprecated',
  'description',
  'example',
  'examples',
  'externalDocs',
  'readOnly',
  'title',
  'writeOnly',
]);

/** Applies `change` to every schema directly below this one; everything else stays. */
export function mapSubschemas(
  schema: JsonSchema,
  change: (sub: JsonSchema, keyword: string) => JsonSchema,
): JsonSchema {
  const one = (value: unknown, keyword: string): unknown => (isSchema(value) ? change(value, keyword) : value);
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (ONE_SCHEMA.includes(keyword)) result[keyword] = one(value, keyword);
    else if (SCHEMA_LIST.includes(keyword) && Array.isArray(value))
      result[keyword] = value.map((sub) => one(sub, keyword));
    else if (SCHEMAS_BY_NAME.includes(keyword) && isSchema(value)) {
      result[keyword] = Object.fromEntries(Object.entries(value).map(([name, sub]) => [name, one(sub, keyword)]));
    } else result[keyword] = value;
  }
  return result;
}

/**
 * Replaces every `$ref` by what it names. Annotations beside a `$ref` win over those of the target; rules beside it apply as well.
 *
 * @throws Error when schemas refer to each other in a circle: a validator without functions calling each other cannot follow.
 */
export function inlineReferences(schema: JsonSchema, scope: ReferenceScope, path: readonly string[] = []): JsonSchema {
  const { $ref, $defs: _unused, ...rest } = schema;
  const inlined = mapSubschemas(rest, (sub) => inlineReferences(sub, scope, path));
  if (typeof $ref !== 'string') return inlined;
  const name = scope.name($ref);
  if (path.includes(name)) throw new Error(`Schemas refer to each other in a circle: ${[...path, name].join(' → ')}`);
  const found = scope.find($ref);
  const target = inlineReferences(found.schema, found.scope, [...path, name]);
  const rules = Object.keys(inlined).filter((keyword) => !ANNOTATIONS.has(keyword));
  if (rules.length === 0) return { ...target, ...inlined };
  return { allOf: [target, Object.fromEntries(rules.map((rule) => [rule, inlined[rule]]))] };
}

/** What a validator needs of a schema: no annotations and no extensions. */
export function withoutAnnotations(schema: JsonSchema): JsonSchema {
  const rules = Object.entries(schema).filter(([keyword]) => !ANNOTATIONS.has(keyword) && !keyword.startsWith('x-'));
  return mapSubschemas(Object.fromEntries(rules), withoutAnnotations);
}

/**
 * The schema as if it were closed: properties that are not declared become faults, and an open enumeration counts as
 * complete. A schema that says itself what further properties are (`additionalProperties`) keeps its word. For checking our own
 * answers; clients get the open schema. Expects references to be inlined.
 */
export function closeSchema(schema: JsonSchema): JsonSchema {
  return close(schema, true);
}

function close(schema: JsonSchema, alone: boolean): JsonSchema {
  const composed = ['allOf', 'anyOf', 'oneOf'].some((keyword) => keyword in schema);
  const result: Record<string, unknown> = {
    ...mapSubschemas(schema, (sub, keyword) => {
      const sharesTheObject = ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else', 'dependentSchemas', 'not'].includes(
        keyword,
      );
      return keyword === 'if' || keyword === 'not' ? sub : close(sub, !sharesTheObject);
    }),
  };
  if (Array.isArray(schema['x-extensible-enum'])) result['enum'] = schema['x-extensible-enum'];
  const declares = 'properties' in schema || composed;
  const saysItself = 'additionalProperties' in schema || 'unevaluatedProperties' in schema;
  if (alone && declares && !saysItself && mayBeObject(schema)) {
    result[composed ? 'unevaluatedProperties' : 'additionalProperties'] = false;
  }
  return result;
}

function mayBeObject(schema: JsonSchema): boolean {
  const type = schema['type'];
  return type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'));
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
