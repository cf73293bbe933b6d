/** Holds an answer against the contract as if it were closed, errors and headers included. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, it } from 'vitest';
import { OPERATIONS, type OperationId } from '../../generated/operations.ts';
import { responseValidators } from '../../generated/validators-strict.js';
import { withoutParameters } from '../../src/contract/content-type.ts';
import {
  type JsonSchema,
  listOperations,
  type OpenApiDocument,
  type Reference,
  type ResponseObject,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { ERROR_STATUS } from '../../src/domain/errors.ts';
import { errorOf, type HttpAnswer } from './http.ts';

const contract = JSON.parse(
  readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8'),
) as OpenApiDocument;
const found = new Map(listOperations(contract).map(({ operation }) => [operation.operationId, operation]));

const ajv = new Ajv2020({ coerceTypes: true, strict: false });
addFormats.default(ajv);

interface HeaderObject {
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

/**
 * A test of one declared answer: `run` provokes it, and it must be what the contract says. The coverage of the contract is read
 * from calls of this function, with their first two arguments as literals.
 */
export function answers(operationId: OperationId, status: number, what: string, run: () => Promise<HttpAnswer>): void {
  it(`${operationId} ${status}: ${what}`, async () => {
    expectDeclared(operationId, status, await run());
  });
}

/** Asserts that the answer has the status and is in everything what the operation declares for it. */
export function expectDeclared(operationId: OperationId, status: number, answer: HttpAnswer): void {
  const text = answer.body.toString('utf8', 0, 500);
  expect(answer.status, text).toBe(status);
  const declared: Readonly<Record<string, readonly string[]>> = OPERATIONS[operationId].responses;
  const type = withoutParameters(answer.headers.get('content-type') ?? '');
  if (declared[status]?.length === 0) {
    expect({ type, sizeBytes: answer.body.length }).toEqual({ type: '', sizeBytes: 0 });
  } else {
    expect(declared[status], `${operationId} declares content types for ${status}`).toContain(type);
    if (answer.headers.get('transfer-encoding') !== 'chunked')
      expect(answer.headers.get('content-length')).toBe(String(answer.body.length));
  }
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expectHeaders(operationId, status, answer);
  if (type === 'application/json') expectBody(operationId, status, answer);
}

function expectHeaders(operationId: OperationId, status: number, answer: HttpAnswer): void {
  const entry = found.get(operationId)?.responses?.[status] as ResponseObject | Reference;
  const { headers = {} } = resolveReference<ResponseObject>(contract, entry);
  for (const [name, reference] of Object.entries(headers)) {
    const header = resolveReference<HeaderObject>(contract, reference as unknown as HeaderObject | Reference);
    const value = answer.headers.get(name.toLowerCase());
    if (header.required === true) expect(value, `${operationId} ${status} has the header ${name}`).toBeDefined();
    if (value !== undefined) expect(ajv.validate(header.schema, value), `${name}: ${value}`).toBe(true);
  }
}

function expectBody(operationId: OperationId, status: number, answer: HttpAnswer): void {
  const validate = responseValidators[operationId]?.[status]?.['application/json'];
  const body: unknown = JSON.parse(answer.body.toString('utf8'));
  expect(validate?.(body), JSON.stringify(validate?.errors)).toBe(true);
  if (status < 400) return;
  const { code } = errorOf(answer);
  expect(ERROR_STATUS, `${code} is a code of the table`).toHaveProperty(code, status);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  if (status === 429 || status === 503) expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
}
