/** The contract at run time: which operation a request is for, whether request and answer keep to it, and who handles it. */
import { readFileSync } from 'node:fs';
import { requestValidators, responseValidators } from '../../generated/validators.js';
import type { FieldFault } from '../domain/errors.ts';
import { ContractBackend, type ContractOperation, type ContractValidators } from './backend.ts';
import { withoutParameters } from './content-type.ts';
import type { AnyReply, Handlers } from './handler.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import type { CheckedRequest, RawRequest, RequestCheck } from './request-check.ts';
import type { RequestContext } from './request-context.ts';

export type { ContractOperation, ContractValidators } from './backend.ts';
export type { CheckedRequest, RawRequest, RequestCheck, TextFields } from './request-check.ts';

/** What a method and a path lead to. */
export type Match =
  | {
      readonly kind: 'operation';
      readonly operation: ContractOperation;
      /** Decoded once; text as the client sent it, checked for nothing else. */
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'malformed_path' };

/** What the HTTP side asks of the contract. Everything here is computed at the start. */
export interface Contract {
  /** The contract's version (SemVer). */
  readonly version: string;
  readonly operations: readonly ContractOperation[];
  /** The whole contract as JSON, for `GET /openapi.json`; made once. Must not be written to. */
  readonly document: Buffer;
  /**
   * Never throws. `HEAD` finds the `GET` operation. One trailing slash is ignored. A path that exists with other methods only is
   * `method_not_allowed`, also where a template beside it would take the path. A path that is not percent-encoded UTF-8 is
   * `malformed_path`.
   *
   * @param method in upper case, as Node gives it.
   * @param path without the query string, as it was on the wire (not decoded).
   */
  match(method: string, path: string): Match;
  /** Content types whose body the operation takes: lower case, without parameters; empty when it takes none. */
  requestContentTypes(operation: ContractOperation): readonly string[];
  /** The declared content type that a `Content-Type` header means, or `undefined`: 415. */
  findRequestContentType(operation: ContractOperation, header: string | undefined): string | undefined;
  /** Finds every fault of a request at once (at most 50). A body that is `undefined` counts as missing for JSON only. */
  validateRequest(operation: ContractOperation, raw: RawRequest): RequestCheck;
  /**
   * Finds what an answer does that the contract does not say: also a status or a content type that is not declared.
   *
   * @param contentType `undefined` for an answer without a body.
   * @param body the JSON value; bytes are not looked into.
   */
  validateResponse(
    operation: ContractOperation,
    status: number,
    contentType: string | undefined,
    body: unknown,
  ): FieldFault[];
  /** Runs the operation's handler. Rejects with whatever the handler throws. */
  handle(operation: ContractOperation, request: CheckedRequest, context: RequestContext): Promise<AnyReply>;
}

type AnyHandler = (request: CheckedRequest, context: RequestContext) => Promise<AnyReply>;

const NOT_FOUND: Match = Object.freeze({ kind: 'not_found' });
const MALFORMED_PATH: Match = Object.freeze({ kind: 'malformed_path' });

/**
 * Loads this server's contract.
 *
 * @param options.responseValidators pass those of `generated/validators-strict.js` in tests and development: then an answer with
 * a member that is not declared is faulty. By default answers are open, as clients are told.
 * @throws Error naming them all, when operations have no handler or handlers have no operation, or when there is no operation.
 */
export function createContract(
  handlers: Handlers,
  options: { readonly responseValidators?: ContractValidators['responseValidators'] } = {},
): Contract {
  const text = readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8');
  return createContractOf({
    document: JSON.parse(text) as OpenApiDocument,
    requestValidators,
    responseValidators: options.responseValidators ?? responseValidators,
    handlers,
  });
}

/** What {@link createContractOf} is made of. */
export interface ContractParts extends ContractValidators {
  /** Bundled: every reference is local. */
  readonly document: OpenApiDocument;
  /** By operation id. */
  readonly handlers: Readonly<Record<string, unknown>>;
}

/** The same for any document. @throws Error as {@link createContract}, and when the document is faulty. */
export function createContractOf({ document, handlers, ...validators }: ContractParts): Contract {
  const backend = new ContractBackend(document, validators);
  const { router, validator } = backend;
  const operations = router.contractOperations;
  registerHandlers(backend, operations, handlers);
  return {
    version: document.info.version,
    operations,
    document: Buffer.from(JSON.stringify(document)),
    match: (method, path) => match(backend, method, path),
    requestContentTypes: (operation) => operation.requestContentTypes,
    findRequestContentType(operation, header) {
      const type = header === undefined ? undefined : withoutParameters(header);
      return operation.requestContentTypes.find((declared) => declared === type);
    },
    validateRequest: (operation, raw) => validator.check(operation, raw),
    validateResponse: (operation, status, contentType, body) =>
      validator.checkAnswer(operation, status, contentType, body),
    handle: (operation, request, context) =>
      (backend.handlers[operation.operationId] as unknown as AnyHandler)(request, context),
  };
}

function registerHandlers(
  backend: ContractBackend,
  operations: readonly ContractOperation[],
  handlers: Readonly<Record<string, unknown>>,
): void {
  const declared = operations.map((operation) => operation.operationId);
  const faults: string[] = [];
  if (declared.length === 0) faults.push('it has no operations');
  const missing = declared.filter((id) => !Object.hasOwn(handlers, id) || typeof handlers[id] !== 'function');
  if (missing.length > 0) faults.push(`operations without a handler: ${missing.join(', ')}`);
  const unknown = Object.keys(handlers).filter((id) => !declared.includes(id));
  if (unknown.length > 0) faults.push(`handlers without an operation: ${unknown.join(', ')}`);
  if (faults.length > 0) throw new Error(`The contract cannot be served: ${faults.join('; ')}.`);
  for (const id of declared) backend.register(id, handlers[id] as AnyHandler as never);
}

function match(backend: ContractBackend, method: string, path: string): Match {
  const encoded = path.includes('%');
  if (encoded && !isDecodable(path)) return MALFORMED_PATH;
  const found = backend.router.find(path);
  if (found === undefined) return NOT_FOUND;
  const target = found.entry.byMethod.get(method);
  if (target === undefined) return { kind: 'method_not_allowed', allow: found.entry.allow };
  const params: Record<string, string> = {};
  for (let index = 0; index < found.values.length; index += 1) {
    const value = found.values[index] as string;
    params[target.paramNames[index] as string] = encoded ? decodeURIComponent(value) : value;
  }
  return { kind: 'operation', operation: target.operation, params };
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
