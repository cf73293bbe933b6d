/** Turns what a validator found into the faults that clients are told. */
import type { Validator, ValidatorError } from '../../generated/validators.js';
import type { FieldFault } from '../domain/errors.ts';

/** More faults than a person reads at once; a hostile body could otherwise multiply its own size in the answer. */
export const FAULTS_MAX = 50;
const POINTER_LENGTH_MAX = 200;

/** The tokens as an RFC 6901 pointer. A pointer that would be too long to repeat to the client ends in `…`. */
export function toPointer(...tokens: readonly string[]): string {
  return limit(tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''));
}

/**
 * Checks a value and says what is wrong with it.
 *
 * @param prefix the pointer of the value itself, as `/body`; empty for a value that stands alone.
 * @returns at most {@link FAULTS_MAX} faults; none when the value is valid. A property that is missing or unknown is named by
 * the pointer.
 */
export function findFaults(validate: Validator, value: unknown, prefix: string): FieldFault[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).slice(0, FAULTS_MAX).map((error) => toFault(error, prefix));
}

function toFault({ instancePath, keyword, message, params }: ValidatorError, prefix: string): FieldFault {
  const at = prefix + instancePath;
  switch (keyword) {
    case 'required':
    case 'dependentRequired':
      return { pointer: limit(at + toPointer(String(params['missingProperty']))), message: 'is required', keyword };
    case 'additionalProperties':
      return { pointer: limit(at + toPointer(String(params['additionalProperty']))), message: 'is not known', keyword };
    case 'unevaluatedProperties':
      return {
        pointer: limit(at + toPointer(String(params['unevaluatedProperty']))),
        message: 'is not known',
        keyword,
      };
    case 'enum':
      return {
        pointer: limit(at),
        message: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`,
        keyword,
      };
    case 'const':
      return { pointer: limit(at), message: `must be ${String(params['allowedValue'])}`, keyword };
    default:
      return { pointer: limit(at), message: message ?? 'is not valid', keyword };
  }
}

function limit(pointer: string): string {
  // a cut may halve a surrogate pair
  return pointer.length > POINTER_LENGTH_MAX ? `${pointer.slice(0, POINTER_LENGTH_MAX).toWellFormed()}…` : pointer;
}
