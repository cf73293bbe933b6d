/** Contracts made for one test: any document, with validators compiled on the spot from what the generator would write. */

import type { Validator } from '../../generated/validators.js';
import { createAjv } from '../../scripts/generate/ajv.ts';
import { collectSchemas } from '../../scripts/generate/validators.ts';
import { type Contract, type ContractValidators, createContractOf } from '../../src/contract/contract.ts';
import type { OpenApiDocument } from '../../src/contract/openapi-document.ts';

/** A document with these paths. */
export function makeDocument(paths: unknown, more: object = {}): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: { title: 'small', version: '1.0.0' },
    security: [],
    paths,
    ...more,
  } as OpenApiDocument;
}

/** An operation that answers 200 without a body, unless told otherwise. */
export function makeOperation(operationId: string, more: object = {}): object {
  return { operationId, responses: { 200: { description: 'fine' } }, ...more };
}

/** The validators of a document. @param closed whether answers are checked as if closed. */
export function compileValidators(document: OpenApiDocument, closed = false): ContractValidators {
  const ajv = createAjv();
  const open = collectSchemas(document, false);
  const answers = closed ? collectSchemas(document, true) : open;
  const compile = (tables: unknown, schemas: ReadonlyMap<string, object>): unknown =>
    JSON.parse(JSON.stringify(tables), (_key, value: unknown) => {
      const schema = typeof value === 'string' ? schemas.get(value) : undefined;
      return schema === undefined ? value : (ajv.compile(schema) as Validator);
    });
  return {
    requestValidators: compile(open.tables.requests, open.schemas) as ContractValidators['requestValidators'],
    responseValidators: compile(answers.tables.responses, answers.schemas) as ContractValidators['responseValidators'],
  };
}

/** A contract whose handlers, unless given, do nothing. */
export function makeContract(
  document: OpenApiDocument,
  handlers?: Readonly<Record<string, unknown>>,
  closed = false,
): Contract {
  const validators = compileValidators(document, closed);
  const idle = Object.fromEntries(
    Object.keys(validators.responseValidators).map((id) => [id, async () => ({ status: 200 })]),
  );
  return createContractOf({ document, ...validators, handlers: handlers ?? idle });
}
