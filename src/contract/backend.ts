/**
 * openapi-backend, with a router and a validator that know everything beforehand.
 *
 * As it comes, the library (5.21.2) checks a 3.1 document against the rules of 3.0 and then serves no operation at all, compiles
 * a regular expression per operation on every request, lets a path that has only other methods fall through to a template beside
 * it, and takes a status that is not declared for a valid one. Its registry of handlers and its router and validator stay what
 * other code may ask; its `handleRequest` is not used, because it wants the body before the operation is known.
 */
import {
  type Document,
  OpenAPIBackend,
  OpenAPIRouter,
  OpenAPIValidator,
  type Operation,
  type Request,
  type ValidationResult,
} from 'openapi-backend';
import type { RequestValidators, ResponseValidators } from '../../generated/validators.js';
import type { FieldFault } from '../domain/errors.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import { type OperationRow, readOperations } from './operation-table.ts';
import { PathIndex, type PathMatch } from './path-index.ts';
import {
  checkRequest,
  makeRequestRules,
  type RawRequest,
  type RequestCheck,
  type RequestRules,
} from './request-check.ts';
import { checkResponse } from './response-check.ts';

/** An operation with everything that a request to it needs, computed at the start. */
export interface ContractOperation extends OperationRow {
  readonly rules: RequestRules;
  readonly responseValidators: ResponseValidators;
}

/** The generated validators of a contract, by operation id. */
export interface ContractValidators {
  readonly requestValidators: Readonly<Record<string, RequestValidators>>;
  readonly responseValidators: Readonly<Record<string, ResponseValidators>>;
}

/** Knows every operation and finds one by method and path; the document is read once. */
export class ContractRouter extends OpenAPIRouter {
  readonly contractOperations: readonly ContractOperation[];
  readonly #index: PathIndex<ContractOperation>;
  readonly #listed: Operation[];
  readonly #byId: ReadonlyMap<string, Operation>;

  /** @throws Error when the document is faulty (see `readOperations`) or an operation has no generated validators. */
  constructor(document: OpenApiDocument, validators: ContractValidators) {
    super({ definition: document as unknown as Document });
    this.contractOperations = readOperations(document).map((row) => addValidators(row, validators));
    this.#index = new PathIndex(this.contractOperations);
    this.#listed = super.getOperations();
    this.#byId = new Map(this.#listed.map((operation) => [operation.operationId ?? '', operation]));
  }

  /** What lives at a path (without query string, still percent-encoded), whatever the method. */
  find(path: string): PathMatch<ContractOperation> | undefined {
    return this.#index.find(path);
  }

  override getOperations(): Operation[] {
    return this.#listed;
  }

  override getOperation(operationId: string): Operation | undefined {
    return this.#byId.get(operationId);
  }

  override matchOperation(request: Request): Operation | undefined;
  override matchOperation(request: Request, strict: boolean): Operation;
  override matchOperation(request: Request, strict = false): Operation | undefined {
    const { method, path } = this.normalizeRequest(request);
    const found = this.#index.find(path);
    const target = found?.entry.byMethod.get(method.toUpperCase());
    if (target !== undefined) return this.#byId.get(target.operation.operationId);
    if (!strict) return undefined;
    // The library's own callers tell the two apart by these words.
    throw new Error(
      found === undefined ? '404-notFound: no such path' : '405-methodNotAllowed: no such method at this path',
    );
  }
}

/** Runs generated validators; compiles nothing. */
export class ContractValidator extends OpenAPIValidator {
  readonly #byId: ReadonlyMap<string, ContractOperation>;

  constructor(document: OpenApiDocument, router: ContractRouter) {
    super({ definition: document as unknown as Document, router, lazyCompileValidators: true });
    this.#byId = new Map(router.contractOperations.map((operation) => [operation.operationId, operation]));
  }

  check(operation: ContractOperation, raw: RawRequest): RequestCheck {
    return checkRequest(operation.rules, raw);
  }

  checkAnswer(
    operation: ContractOperation,
    status: number,
    contentType: string | undefined,
    body: unknown,
  ): FieldFault[] {
    return checkResponse(operation, operation.responseValidators, status, contentType, body);
  }

  override validateRequest(request: Request, operation?: Operation | string): ValidationResult {
    const { params, query, headers, requestBody } = this.router.parseRequest(request, this.#listed(operation));
    const checked = this.check(this.#known(operation), { params, query, headers, body: requestBody });
    return checked.ok ? toResult([]) : toResult(checked.faults);
  }

  override validateResponse(body: unknown, operation: Operation | string, status = 200): ValidationResult {
    const contentType = body === undefined || body === null ? undefined : 'application/json';
    return toResult(this.checkAnswer(this.#known(operation), status, contentType, body));
  }

  #listed(operation: Operation | string | undefined): Operation | undefined {
    return typeof operation === 'string' ? this.router.getOperation(operation) : operation;
  }

  #known(operation: Operation | string | undefined): ContractOperation {
    const operationId = typeof operation === 'string' ? operation : operation?.operationId;
    const known = operationId === undefined ? undefined : this.#byId.get(operationId);
    if (known === undefined) throw new Error(`The contract has no operation ${String(operationId)}.`);
    return known;
  }
}

/** Ready when it is made: nothing is parsed, dereferenced or compiled. */
export class ContractBackend extends OpenAPIBackend {
  override router: ContractRouter;
  override validator: ContractValidator;

  constructor(document: OpenApiDocument, validators: ContractValidators) {
    super({ definition: document as unknown as Document, strict: true });
    this.document = document as unknown as Document;
    this.definition = this.document;
    this.router = new ContractRouter(document, validators);
    this.validator = new ContractValidator(document, this.router);
    this.initialized = true;
  }

  override init(): Promise<this> {
    return Promise.resolve(this);
  }
}

function addValidators(row: OperationRow, validators: ContractValidators): ContractOperation {
  const { operationId } = row;
  const request = validators.requestValidators[operationId];
  const responseValidators = validators.responseValidators[operationId];
  if (request === undefined || responseValidators === undefined) {
    throw new Error(`${operationId} has no validators: run "npm run generate".`);
  }
  return Object.freeze({ ...row, rules: makeRequestRules(row, request), responseValidators });
}

function toResult(faults: readonly FieldFault[]): ValidationResult {
  if (faults.length === 0) return { valid: true, errors: null };
  const errors = faults.map(({ pointer, message, keyword }) => ({
    instancePath: pointer,
    schemaPath: '',
    keyword,
    message,
    params: {},
  }));
  return { valid: false, errors };
}
