/** Compares two bundled contracts and says of each difference what it means to existing clients. */
import {
  type FoundOperation,
  type JsonSchema,
  listOperations,
  type MediaTypeObject,
  type OpenApiDocument,
  type ParameterObject,
  type RequestBodyObject,
  type ResponseObject,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { inlineReferences } from '../generate/schemas.ts';
import { documentScope } from '../generate/validators.ts';
import { type Direction, diffSchemas } from './diff-schema.ts';
import { compareNamed, type Difference, isSame, type Level } from './difference.ts';
import { diffWebhooks } from './webhooks.ts';

/** Everything of an operation that clients meet, free of references. */
interface Surface {
  readonly id: string;
  readonly found: FoundOperation;
  readonly security: unknown;
  readonly parameters: Readonly<Record<string, ParameterObject>>;
  readonly body: RequestBodyObject | undefined;
  readonly responses: Readonly<Record<string, ResponseObject>>;
  readonly schemaOf: (holder: { readonly schema?: JsonSchema }) => JsonSchema;
  readonly headersOf: (response: ResponseObject) => Readonly<Record<string, ParameterObject>>;
}

/**
 * Operations, parameters, bodies, statuses, content types, headers and schemas are compared; schemas in the direction in which
 * they travel. The version itself is not a difference.
 *
 * @returns nothing when clients cannot tell the two apart.
 */
export function diffContracts(before: OpenApiDocument, after: OpenApiDocument): Difference[] {
  const operations = compareNamed(listSurfaces(before), listSurfaces(after), {
    removed: (where) => [{ level: 'breaking', where, message: 'operation removed' }],
    added: (where) => [{ level: 'additive', where, message: 'operation added' }],
    kept: diffOperation,
  });
  return [...operations, ...diffWebhooks(before, after), ...diffWords(before, after)];
}

function listSurfaces(document: OpenApiDocument): Record<string, Surface> {
  const scope = documentScope(document);
  const schemes = document.components?.['securitySchemes'];
  const general = (document as { security?: unknown }).security ?? [];
  const surfaces = listOperations(document).map((found): [string, Surface] => {
    const { method, path, operation, parameters } = found;
    const asks = ((operation as { security?: unknown }).security ?? general) as readonly Record<string, unknown>[];
    const security = asks.map((ask) => Object.entries(ask).map(([name, scopes]) => [schemes?.[name] ?? name, scopes]));
    return [
      `${method} ${path}`,
      {
        id: operation.operationId ?? '',
        found,
        security,
        parameters: Object.fromEntries(
          parameters.map((parameter) => [`${parameter.in} parameter ${parameter.name}`, parameter]),
        ),
        body: operation.requestBody && resolveReference(document, operation.requestBody),
        responses: Object.fromEntries(
          Object.entries(operation.responses ?? {}).map(([status, response]) => [
            status,
            resolveReference(document, response),
          ]),
        ),
        schemaOf: ({ schema }) => inlineReferences(schema ?? {}, scope),
        headersOf: ({ headers }) =>
          Object.fromEntries(
            Object.entries(headers ?? {}).map(([name, header]) => [
              name.toLowerCase(),
              resolveReference<JsonSchema>(document, header) as unknown as ParameterObject,
            ]),
          ),
      },
    ];
  });
  return Object.fromEntries(surfaces);
}

function diffOperation(where: string, before: Surface, after: Surface): Difference[] {
  const differences: Difference[] = [];
  const note = (level: Level, message: string) => differences.push({ level, where, message });
  if (before.id !== after.id) note('breaking', `operationId ${before.id} became ${after.id}`);
  if (!isSame(before.security, after.security))
    note(isSame(after.security, []) ? 'additive' : 'breaking', 'security changed');
  const queries = [before, after].map(({ found }) => found.operation['x-unknown-query'] ?? 'refuse');
  if (queries[0] !== queries[1]) {
    note(queries[0] === 'refuse' ? 'additive' : 'breaking', `x-unknown-query ${queries.join(' became ')}`);
  }
  const codes = [before, after].map(({ found }) => found.operation['x-invalid-request-code'] ?? 'invalid_request');
  if (codes[0] !== codes[1]) note('breaking', `x-invalid-request-code ${codes.join(' became ')}`);
  return [
    ...differences,
    ...diffDeprecation(where, before.found.operation, after.found.operation),
    ...diffText(where, before.found.operation, after.found.operation, [
      'summary',
      'description',
      'tags',
      'externalDocs',
    ]),
    ...diffParameters(where, before, after),
    ...diffBody(where, before, after),
    ...diffResponses(where, before, after),
  ];
}

function diffParameters(operation: string, before: Surface, after: Surface): Difference[] {
  return compareNamed(before.parameters, after.parameters, {
    removed: (name) => [{ level: 'breaking', where: operation, message: `${name} removed` }],
    added: (name, is) => [
      {
        level: is.required === true ? 'breaking' : 'additive',
        where: operation,
        message: `${is.required === true ? 'required' : 'optional'} ${name} added`,
      },
    ],
    kept(name, was, is) {
      const where = `${operation} ${name}`;
      const form = ['style', 'explode', 'allowReserved', 'allowEmptyValue', 'content'] as const;
      const member = (parameter: ParameterObject, key: string) =>
        (parameter as unknown as Record<string, unknown>)[key];
      return [
        ...diffFlag(where, was.required === true, is.required === true, 'request'),
        ...form
          .filter((key) => !isSame(member(was, key), member(is, key)))
          .map((key) => breaking(where, `${key} changed`)),
        ...diffDeprecation(where, was, is),
        ...diffText(where, was, is, ['description', 'example', 'examples']),
        ...diffSchemas(before.schemaOf(was), after.schemaOf(is), 'request', where),
      ];
    },
  });
}

function diffBody(operation: string, before: Surface, after: Surface): Difference[] {
  const where = `${operation} request`;
  const [was, is] = [before.body, after.body];
  if (was === undefined && is === undefined) return [];
  if (was === undefined)
    return [{ level: is?.required === true ? 'breaking' : 'additive', where, message: 'body added' }];
  if (is === undefined) return [breaking(where, 'body removed')];
  return [
    ...diffFlag(where, was.required === true, is.required === true, 'request'),
    ...diffText(where, was, is, ['description']),
    ...diffContent(where, was.content, is.content, 'request', before, after),
  ];
}

function diffResponses(operation: string, before: Surface, after: Surface): Difference[] {
  return compareNamed(before.responses, after.responses, {
    removed: (status) => [breaking(operation, `status ${status} removed`)],
    added: (status) => [{ level: 'additive', where: operation, message: `status ${status} added` }],
    kept(status, was, is) {
      const where = `${operation} ${status}`;
      return [
        ...diffText(where, was, is, ['description']),
        ...diffContent(where, was.content ?? {}, is.content ?? {}, 'response', before, after),
        ...compareNamed(before.headersOf(was), after.headersOf(is), {
          removed: (name) => [breaking(where, `header ${name} removed`)],
          added: (name) => [{ level: 'additive', where, message: `header ${name} added` }],
          kept: (name, old, now) => [
            ...diffFlag(`${where} header ${name}`, old.required === true, now.required === true, 'response'),
            ...diffText(`${where} header ${name}`, old, now, ['description', 'example', 'examples']),
            ...diffSchemas(before.schemaOf(old), after.schemaOf(now), 'response', `${where} header ${name}`),
          ],
        }),
      ];
    },
  });
}

function diffContent(
  where: string,
  was: RequestBodyObject['content'],
  is: RequestBodyObject['content'],
  direction: Direction,
  before: Surface,
  after: Surface,
): Difference[] {
  const encoding = (media: MediaTypeObject) => (media as { encoding?: unknown }).encoding;
  return compareNamed(was, is, {
    removed: (type) => [breaking(where, `${type} removed`)],
    added: (type) => [{ level: 'additive', where, message: `${type} added` }],
    kept: (type, old, now) => [
      ...(isSame(encoding(old), encoding(now)) ? [] : [breaking(`${where} ${type}`, 'encoding changed')]),
      ...diffText(`${where} ${type}`, old, now, ['example', 'examples']),
      ...diffSchemas(before.schemaOf(old), after.schemaOf(now), direction, `${where} ${type}#`),
    ],
  });
}

/** Something became obligatory, or ceased to be: for whoever sends it a burden, for whoever receives it a promise. */
function diffFlag(where: string, was: boolean, is: boolean, direction: Direction): Difference[] {
  if (was === is) return [];
  const worse = direction === 'request' ? is : was;
  return [{ level: worse ? 'breaking' : 'additive', where, message: is ? 'became required' : 'is no longer required' }];
}

function diffDeprecation(where: string, was: object, is: object): Difference[] {
  const deprecated = (holder: object) => (holder as { deprecated?: boolean }).deprecated === true;
  return deprecated(was) === deprecated(is) ? [] : [{ level: 'additive', where, message: 'deprecation changed' }];
}

function diffText(where: string, was: object, is: object, keys: readonly string[]): Difference[] {
  const text = (holder: object, key: string) => (holder as Record<string, unknown>)[key];
  return keys
    .filter((key) => !isSame(text(was, key), text(is, key)))
    .map((key) => ({ level: 'wording' as const, where, message: `${key} changed` }));
}

function diffWords(before: OpenApiDocument, after: OpenApiDocument): Difference[] {
  const info = ({ info: { version: _version, ...rest } }: OpenApiDocument) => rest;
  return [
    ...(isSame(info(before), info(after)) ? [] : [{ level: 'wording' as const, where: 'info', message: 'changed' }]),
    ...diffText('document', before, after, ['servers', 'tags', 'externalDocs']),
  ];
}

function breaking(where: string, message: string): Difference {
  return { level: 'breaking', where, message };
}
