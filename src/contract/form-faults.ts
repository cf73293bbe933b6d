import type { OperationId } from '../../generated/operations.ts';
import { requestValidators } from '../../generated/validators.js';
import type { FieldFault } from '../domain/errors.ts';
import { findFaults } from './field-faults.ts';

/**
 * Holds the fields of a form against the contract; files are not among them.
 *
 * @param fields with values of the contract's types: where it says that a field holds JSON, the parsed value.
 * @returns every fault (at most 50).
 */
export function findFormFaults(operationId: OperationId, fields: Readonly<Record<string, unknown>>): FieldFault[] {
  const validate = requestValidators[operationId]?.bodies?.['multipart/form-data'];
  if (validate === undefined) throw new Error(`${operationId} takes no form.`);
  return findFaults(validate, fields, '/body');
}
