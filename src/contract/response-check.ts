/** Checks an answer against its operation. */
import type { ResponseValidators } from '../../generated/validators.js';
import type { FieldFault } from '../domain/errors.ts';
import { withoutParameters } from './content-type.ts';
import { findFaults } from './field-faults.ts';
import type { OperationRow } from './operation-table.ts';

/**
 * @param contentType as sent; `undefined` when the answer has no body.
 * @param body the JSON value; bytes (a `Uint8Array`) and bodies of other content types are not looked into.
 * @returns pointers begin with `/status`, `/headers` or `/body`. A status or a content type that the operation does not declare
 * is a fault, as is a body where none is declared, and none where one is.
 */
export function checkResponse(
  row: OperationRow,
  validators: ResponseValidators,
  status: number,
  contentType: string | undefined,
  body: unknown,
): FieldFault[] {
  const declared = row.responses[status];
  if (declared === undefined)
    return [{ pointer: '/status', message: `${status} is not declared`, keyword: 'responses' }];
  const at = '/headers/content-type';
  if (contentType === undefined) {
    return declared.length === 0 ? [] : [{ pointer: at, message: 'is required', keyword: 'content' }];
  }
  const type = withoutParameters(contentType);
  if (!declared.includes(type)) return [{ pointer: at, message: `${type} is not declared`, keyword: 'content' }];
  const validate = validators[status]?.[type];
  if (validate === undefined || body instanceof Uint8Array) return [];
  return findFaults(validate, body, '/body');
}
