/** Standalone validators for requests and responses: what runs in the server compiles nothing. */
import standalone from 'ajv/dist/standalone/index.js';
import { isJsonType } from '../../src/contract/content-type.ts';
import {
  type FoundOperation,
  type JsonSchema,
  listOperations,
  type MediaTypeObject,
  type OpenApiDocument,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { createAjv } from './ajv.ts';
import { closeSchema, inlineReferences, type ReferenceScope, withoutAnnotations } from './schemas.ts';

/** Names of validators (or the validators themselves) in the places where the server looks for them. */
export interface ValidatorTables<V> {
  /** By operation id, then by place; a place where nothing can be wrong has none. */
  readonly requests: Record<string, { params?: V; query?: V; headers?: V; bodies?: Record<string, V> }>;
  /** By operation id, status and JSON content type. */
  readonly responses: Record<string, Record<string, Record<string, V>>>;
}

/** Every schema to compile, under a short name, and where it is used. Equal schemas share one name. */
export interface CollectedSchemas {
  readonly schemas: ReadonlyMap<string, JsonSchema>;
  readonly tables: ValidatorTables<string>;
}

/** Reads references inside one document. */
export function documentScope(document: OpenApiDocument): ReferenceScope {
  const scope: ReferenceScope = {
    name: (reference) => reference,
    find: (reference) => ({ schema: resolveReference<JsonSchema>(document, { $ref: reference }), scope }),
  };
  return scope;
}

/** @param closed whether what the answers do not declare is a fault; requests are as closed as they say in both cases. */
export function collectSchemas(document: OpenApiDocument, closed: boolean): CollectedSchemas {
  const names = new Map<string, string>();
  const scope = documentScope(document);
  const add = (schema: JsonSchema): string => {
    const key = JSON.stringify(withoutAnnotations(schema));
    const name = names.get(key) ?? `v${names.size}`;
    names.set(key, name);
    return name;
  };
  const tables: ValidatorTables<string> = { requests: {}, responses: {} };
  for (const found of listOperations(document)) {
    const operationId = found.operation.operationId ?? '';
    if (!closed) tables.requests[operationId] = collectRequest(document, found, scope, add);
    tables.responses[operationId] = collectResponses(document, found, (schema) => {
      const inlined = inlineReferences(schema, scope);
      return add(closed ? closeSchema(inlined) : inlined);
    });
  }
  return { schemas: new Map([...names].map(([key, name]) => [name, JSON.parse(key) as JsonSchema])), tables };
}

function collectRequest(
  document: OpenApiDocument,
  { operation, parameters }: FoundOperation,
  scope: ReferenceScope,
  add: (schema: JsonSchema) => string,
): ValidatorTables<string>['requests'][string] {
  const request: ValidatorTables<string>['requests'][string] = {};
  for (const [key, place] of [
    ['params', 'path'],
    ['query', 'query'],
    ['headers', 'header'],
  ] as const) {
    const declared = parameters.filter((parameter) => parameter.in === place);
    const schema = {
      type: 'object',
      required: declared.filter((parameter) => parameter.required).map((parameter) => parameter.name),
      properties: Object.fromEntries(
        declared.map((parameter) => [parameter.name, inlineReferences(parameter.schema ?? {}, scope)]),
      ),
    };
    if (canFail(withoutAnnotations(schema), place)) request[key] = add(schema);
  }
  const content = operation.requestBody && resolveReference(document, operation.requestBody).content;
  const bodies = Object.entries(content ?? {}).flatMap(([type, media]): [string, string][] => {
    const schema = bodySchema(type, media, scope);
    return schema === undefined ? [] : [[type.toLowerCase(), add(schema)]];
  });
  if (bodies.length > 0) request.bodies = Object.fromEntries(bodies);
  return request;
}

/** A path always has all its parameters, and every text is a string. */
function canFail(schema: JsonSchema, place: 'path' | 'query' | 'header'): boolean {
  const required = schema['required'] as readonly string[];
  const properties = Object.values(schema['properties'] as Record<string, JsonSchema>);
  const isAnyText = (property: JsonSchema) => Object.keys(property).length === 1 && property['type'] === 'string';
  return (place !== 'path' && required.length > 0) || !properties.every(isAnyText);
}

/** Form fields are checked without the files among them: those are streamed, and judged by whoever receives them. */
function bodySchema(type: string, media: MediaTypeObject, scope: ReferenceScope): JsonSchema | undefined {
  if (media.schema === undefined) return undefined;
  const schema = inlineReferences(media.schema, scope);
  if (isJsonType(type)) return schema;
  if (type !== 'multipart/form-data') return undefined;
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const files = properties.filter(([, property]) => property['format'] === 'binary').map(([name]) => name);
  return {
    ...schema,
    properties: Object.fromEntries(properties.filter(([name]) => !files.includes(name))),
    required: ((schema['required'] ?? []) as readonly string[]).filter((name) => !files.includes(name)),
  };
}

function collectResponses(
  document: OpenApiDocument,
  { operation }: FoundOperation,
  add: (schema: JsonSchema) => string,
): Record<string, Record<string, string>> {
  const responses: Record<string, Record<string, string>> = {};
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const content = Object.entries(resolveReference(document, response).content ?? {});
    const json = content.filter(([type]) => isJsonType(type));
    if (json.length > 0)
      responses[status] = Object.fromEntries(json.map(([type, media]) => [type, add(media.schema ?? {})]));
  }
  return responses;
}

/**
 * @param schemas by the name that the code gives to the validator.
 * @returns statements of an ES module that declare one `const` per validator. What Ajv's code loads at run time are its formats
 * and its string length, through `require`.
 */
export function renderValidators(schemas: ReadonlyMap<string, JsonSchema>): string {
  const ajv = createAjv();
  for (const [name, schema] of schemas) ajv.addSchema(schema, name);
  const code = standalone.default(ajv, Object.fromEntries([...schemas.keys()].map((name) => [name, name])));
  const declarations = code.replace(/^"use strict";\n?/, '').replaceAll(/^export const (\w+) =/gm, 'const $1 =');
  if (!declarations.includes('require(')) return declarations;
  return `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n${declarations}`;
}

/** Prints a table of names as an object literal that refers to the declared validators. */
export function renderTable(table: unknown): string {
  return JSON.stringify(table, null, 2).replaceAll(/: "(v\d+)"/g, ': $1');
}
