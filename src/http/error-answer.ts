/** Every error, from every layer, as the one JSON body that clients know. */
import { DomainError, type ErrorCode, type ErrorDetails } from '../domain/errors.ts';

/** An error, ready to be sent. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body: string;
  readonly code: ErrorCode;
}

/**
 * Shapes an error. What is not a `DomainError` becomes `internal_error` and tells nothing but the request id.
 *
 * @param accept the request's `Accept`: a client that asks for `application/problem+json` gets RFC 9457 members, with `error`
 * kept as an extension.
 */
export function toErrorAnswer(error: unknown, requestId: string, accept: string | undefined): ErrorAnswer {
  const known = error instanceof DomainError ? error : internalError(requestId);
  const body: { code: ErrorCode; message: string; details?: ErrorDetails } = {
    code: known.code,
    message: known.message,
  };
  if (known.details !== undefined) body.details = known.details;
  const isProblem = accept?.includes('application/problem+json') === true;
  const members = {
    type: 'about:blank',
    title: known.code.replaceAll('_', ' '),
    status: known.status,
    detail: known.message,
    instance: `urn:request:${requestId}`,
  };
  return {
    status: known.status,
    headers: {
      'Cache-Control': 'no-store',
      ...((known.status === 429 || known.status === 503) && { 'Retry-After': String(known.retryAfterSeconds ?? 5) }),
      ...(known.code === 'range_not_satisfiable' && { 'Content-Range': `bytes */${known.details?.size_bytes}` }),
      // the scheme alone (RFC 6750, section 3): why a token is not good is nobody's business
      ...(known.code === 'unauthorized' && { 'WWW-Authenticate': 'Bearer realm="PhotoChanger"' }),
      ...(known.status === 405 && { Allow: String(known.details?.allow ?? '') }),
    },
    contentType: isProblem ? 'application/problem+json' : 'application/json',
    body: JSON.stringify(isProblem ? { ...members, error: body } : { error: body }),
    code: known.code,
  };
}

const internalError = (requestId: string) =>
  new DomainError('internal_error', 'The server made a mistake. Its log holds the details under the request id.', {
    details: { request_id: requestId },
  });
