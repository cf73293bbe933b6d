import type { OpenApiDocument } from '../../src/contract/openapi-document.ts';
import { readOperations } from '../../src/contract/operation-table.ts';

/** Prints the table of operations as a constant, so that types can be computed from it. */
export function renderOperations(document: OpenApiDocument): string {
  const table = Object.fromEntries(readOperations(document).map((row) => [row.operationId, row]));
  return [
    '/** Every operation of the contract by its id: where it lives, what it takes, and the content types of each answer. */',
    `export const OPERATIONS = ${JSON.stringify(table, null, 2)} as const;`,
    '',
    '/** The name of an operation of the contract. */',
    'export type OperationId = keyof typeof OPERATIONS;',
  ].join('\n');
}
