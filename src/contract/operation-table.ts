/** Reads a contract's operations once into plain rows, so that no request has to look into the document. */
import { ERROR_STATUS, type ErrorCode } from '../domain/errors.ts';
import { type Access, isPermission } from '../domain/permissions.ts';
import {
  type FoundOperation,
  listOperations,
  type Method,
  type OpenApiDocument,
  resolveReference,
} from './openapi-document.ts';

/** What happens to query parameters that the operation does not declare: dropped, passed on, or a fault. */
export type UnknownQuery = 'ignore' | 'keep' | 'refuse';

/** How a parameter's text becomes a value: `array` is a list of texts. */
export type ParameterType = 'string' | 'integer' | 'number' | 'boolean' | 'array';

/** A value that an operation takes beside the body. */
export interface OperationParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly type: ParameterType;
}

/** One operation of the contract. */
export interface OperationRow {
  readonly operationId: string;
  readonly method: Method;
  /** The path template, as `/slots/{slot_id}`. */
  readonly path: string;
  readonly unknownQuery: UnknownQuery;
  readonly access: Access;
  /** The code of a request that does not keep to the contract: `invalid_request`, unless the operation says `x-invalid-request-code`. */
  readonly invalidRequestCode: ErrorCode;
  readonly parameters: readonly OperationParameter[];
  readonly requestBodyRequired: boolean;
  /** Lower case, without parameters; empty when the operation takes no body. */
  readonly requestContentTypes: readonly string[];
  /** Content types by status; an empty list: the answer has no body. */
  readonly responses: Readonly<Record<number, readonly string[]>>;
}

const UNKNOWN_QUERY = ['ignore', 'keep', 'refuse'] as const satisfies readonly UnknownQuery[];
const PARAMETER_TYPES = ['string', 'integer', 'number', 'boolean', 'array'] as const satisfies readonly ParameterType[];
const INVALID_REQUEST_CODES = (Object.keys(ERROR_STATUS) as ErrorCode[]).filter((code) => ERROR_STATUS[code] === 400);
const PARAMETER_PLACES = ['path', 'query', 'header'] as const;

/**
 * @returns every operation in the order of the document.
 * @throws Error naming the operation, when it has no id or the id of another one, a status that is not a single number
 * (`default`, `5XX`), a parameter in a cookie or of an object type, an unknown value of `x-unknown-query` or `x-invalid-request-code`, or
 * security that this server does not know.
 */
export function readOperations(document: OpenApiDocument): OperationRow[] {
  const rows = listOperations(document).map((found) => readOperation(document, found));
  for (const [index, { operationId }] of rows.entries()) {
    const first = rows.findIndex((row) => row.operationId === operationId);
    if (first !== index) throw new Error(`The contract has two operations named ${operationId}.`);
  }
  return rows;
}

function readOperation(document: OpenApiDocument, found: FoundOperation): OperationRow {
  const { method, path, operation } = found;
  const operationId = operation.operationId;
  if (operationId === undefined) throw new Error(`The contract's ${method} ${path} has no operationId.`);
  const unknownQuery = operation['x-unknown-query'] ?? 'refuse';
  if (!isOneOf(UNKNOWN_QUERY, unknownQuery)) {
    throw new Error(`${operationId}: x-unknown-query must be one of ${UNKNOWN_QUERY.join(', ')}.`);
  }
  const invalidRequestCode = operation['x-invalid-request-code'] ?? 'invalid_request';
  if (!isOneOf(INVALID_REQUEST_CODES, invalidRequestCode)) {
    throw new Error(`${operationId}: x-invalid-request-code must be a code of status 400.`);
  }
  const body = operation.requestBody && resolveReference(document, operation.requestBody);
  return {
    operationId,
    method,
    path,
    unknownQuery,
    access: readAccess(document, operationId, found),
    invalidRequestCode,
    parameters: readParameters(document, operationId, found),
    requestBodyRequired: body?.required === true,
    requestContentTypes: Object.keys(body?.content ?? {}).map((type) => type.toLowerCase()),
    responses: readResponses(document, operationId, found),
  };
}

/** The names of the two security schemes: an administrator's access token, and the token of `/metrics`. */
const ADMINISTRATOR = 'accessToken';
const METRICS = 'metricsToken';

/** What is not said to be public is not served to anybody: a forgotten `security` is a fault of the contract. */
function readAccess(document: OpenApiDocument, operationId: string, { operation }: FoundOperation): Access {
  const security = operation.security ?? document.security ?? [{ 'no security': [] }];
  if (security.length === 0) return 'public';
  const [requirement = {}, ...others] = security;
  const [[scheme, roles] = ['', []], ...schemes] = Object.entries(requirement);
  const [role, ...roleRest] = roles;
  if (others.length + schemes.length + roleRest.length === 0) {
    if (scheme === METRICS && role === undefined) return 'metrics';
    if (scheme === ADMINISTRATOR && role === undefined) return 'any_administrator';
    if (scheme === ADMINISTRATOR && role !== undefined && isPermission(role)) return role;
  }
  throw new Error(
    `${operationId}: security must be [], one ${METRICS}, or one ${ADMINISTRATOR} with at most one permission.`,
  );
}

function readParameters(document: OpenApiDocument, operationId: string, found: FoundOperation): OperationParameter[] {
  return found.parameters.map((parameter) => {
    const where = `${operationId}: the parameter ${parameter.name}`;
    const place = parameter.in;
    if (!isOneOf(PARAMETER_PLACES, place)) throw new Error(`${where} lies in a ${place}, which is not read.`);
    const schema = parameter.schema && resolveReference(document, parameter.schema);
    const type = schema?.['type'];
    if (!isOneOf(PARAMETER_TYPES, type)) throw new Error(`${where} has no simple type.`);
    const items = schema?.['items'] as { type?: unknown } | undefined;
    if (type === 'array' && (items?.type !== 'string' || place !== 'query')) {
      throw new Error(`${where} must be a list of strings in the query.`);
    }
    return { name: parameter.name, in: place, required: parameter.required === true, type };
  });
}

function readResponses(
  document: OpenApiDocument,
  operationId: string,
  { operation }: FoundOperation,
): Record<number, readonly string[]> {
  const responses: Record<number, readonly string[]> = {};
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if (!/^[1-5][0-9]{2}$/.test(status))
      throw new Error(`${operationId}: the status ${status} is not a single number.`);
    responses[Number(status)] = Object.keys(resolveReference(document, response).content ?? {});
  }
  if (Object.keys(responses).length === 0) throw new Error(`${operationId} declares no response.`);
  return responses;
}

function isOneOf<T>(list: readonly T[], value: unknown): value is T {
  return (list as readonly unknown[]).includes(value);
}
