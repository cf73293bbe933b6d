import { DomainError } from '../domain/errors.ts';
import { JsonFaultError, parseStrictJson } from './strict-json.ts';

/**
 * Parses a text field of a form that holds JSON, as strictly as a body.
 *
 * @throws DomainError `invalid_payload`, with where and why in `details.fields`.
 */
export function parseJsonField(name: string, text: string): unknown {
  try {
    return parseStrictJson(Buffer.from(text, 'utf8'));
  } catch (error) {
    if (!(error instanceof JsonFaultError)) throw error;
    const { pointer, message, keyword } = error.fault;
    const fields = [{ pointer: `/body/${name}${pointer.slice('/body'.length)}`, message, keyword }];
    throw new DomainError('invalid_payload', `${name} is not JSON that can be accepted.`, {
      details: { fields },
      cause: error,
    });
  }
}
