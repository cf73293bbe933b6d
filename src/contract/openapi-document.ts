/** The parts of an OpenAPI 3.1 document that this server reads. It is our own bundle: every reference is local. */

/** A JSON Schema (2020-12), as data. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** Stands for what lies elsewhere in the document. */
export interface Reference {
  readonly $ref: string;
}

/** A body in one content type. */
export interface MediaTypeObject {
  readonly schema?: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}

/** One value beside the body. */
export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly schema?: JsonSchema;
}

/** What an operation takes, by content type. */
export interface RequestBodyObject {
  readonly required?: boolean;
  readonly content: Readonly<Record<string, MediaTypeObject>>;
}

/** One answer; without `content` it has no body. */
export interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Reference | JsonSchema>>;
  readonly content?: Readonly<Record<string, MediaTypeObject>>;
}

/** What a method does at a path. */
export interface OperationObject {
  readonly operationId?: string;
  readonly parameters?: readonly (ParameterObject | Reference)[];
  readonly requestBody?: RequestBodyObject | Reference;
  readonly responses?: Readonly<Record<string, ResponseObject | Reference>>;
  readonly 'x-unknown-query'?: unknown;
  readonly 'x-invalid-request-code'?: unknown;
  readonly security?: readonly SecurityRequirement[];
}

/** Roles by the name of the security scheme (OpenAPI 3.1, "Security Requirement Object"). */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

/** Methods may also hold other members of a path item; only the known methods are read. */
export type PathItemObject = Readonly<
  Record<string, OperationObject | readonly (ParameterObject | Reference)[] | undefined>
>;

/** The contract as one document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly security?: readonly SecurityRequirement[];
  readonly paths?: Readonly<Record<string, PathItemObject>>;
  /** What this server sends by itself, by name. */
  readonly webhooks?: Readonly<Record<string, PathItemObject>>;
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The methods that a path can have, in upper case (OpenAPI 3.1, "Path Item Object"). */
export const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE'] as const;

/** A method in upper case. */
export type Method = (typeof METHODS)[number];

/** One operation where the document has it, with the parameters of its path. */
export interface FoundOperation {
  readonly method: Method;
  readonly path: string;
  readonly operation: OperationObject;
  /** Resolved; an operation's own parameter replaces the path's parameter of the same name and place. */
  readonly parameters: readonly ParameterObject[];
}

/** Every operation in the order of the document. */
export function listOperations(document: OpenApiDocument): FoundOperation[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) => {
    const shared = (item['parameters'] ?? []) as readonly (ParameterObject | Reference)[];
    return METHODS.flatMap((method) => {
      const operation = item[method.toLowerCase()] as OperationObject | undefined;
      if (operation === undefined) return [];
      const parameters = new Map<string, ParameterObject>();
      for (const entry of [...shared, ...(operation.parameters ?? [])]) {
        const parameter = resolveReference<ParameterObject>(document, entry);
        parameters.set(`${parameter.in} ${parameter.name}`, parameter);
      }
      return [{ method, path, operation, parameters: [...parameters.values()] }];
    });
  });
}

/**
 * Follows local references (`#/components/…`) until something else is found.
 *
 * @throws Error when a reference leads nowhere or outside the document.
 */
export function resolveReference<T extends object>(document: OpenApiDocument, node: T | Reference): T {
  let found: unknown = node;
  const seen = new Set<string>();
  while (typeof found === 'object' && found !== null && '$ref' in found) {
    const { $ref } = found as Reference;
    if (!$ref.startsWith('#/') || seen.has($ref))
      throw new Error(`The contract has a reference that leads nowhere: ${$ref}`);
    seen.add($ref);
    found = $ref
      .slice(2)
      .split('/')
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    if (typeof found !== 'object' || found === null)
      throw new Error(`The contract has a reference that leads nowhere: ${$ref}`);
  }
  return found as T;
}
