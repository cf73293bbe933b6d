/** From a request to its operation's answer: route, read the body the operation declares, validate, handle. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Contract, ContractOperation } from '../contract/contract.ts';
import type { AnyReply } from '../contract/handler.ts';
import type { RequestContext } from '../contract/request-context.ts';
import { DomainError } from '../domain/errors.ts';
import { createReceiveUpload } from './upload/receive-upload.ts';

/** What a request is, before its operation is known. */
export interface Incoming {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly path: string;
  readonly search: string;
  readonly context: Omit<RequestContext, 'receiveUpload'>;
}

/**
 * Finds the operation. @throws DomainError `not_found`, `method_not_allowed` (with `details.allow`), `invalid_request` for a path
 * that is not percent-encoded UTF-8.
 */
export function findOperation(contract: Contract, incoming: Incoming) {
  const match = contract.match(incoming.req.method ?? 'GET', incoming.path);
  switch (match.kind) {
    case 'operation':
      return match;
    case 'method_not_allowed': {
      const allow = match.allow.join(', ');
      throw new DomainError('method_not_allowed', `This address takes ${allow}.`, { details: { allow } });
    }
    case 'malformed_path':
      throw new DomainError('invalid_request', 'The path is not valid percent-encoded UTF-8.');
    case 'not_found':
      throw new DomainError('not_found', 'There is nothing at this address.');
  }
}

/** Validates the request and runs its handler. @throws DomainError, or whatever the handler throws. */
export async function dispatch(
  contract: Contract,
  match: ReturnType<typeof findOperation>,
  incoming: Incoming,
): Promise<AnyReply> {
  const { operation, params } = match;
  const { req, res } = incoming;
  checkContentType(contract, operation, req);
  const checked = contract.validateRequest(operation, {
    params,
    query: incoming.search === '' ? NO_QUERY : queryOf(incoming.search),
    // a range is for GET alone (RFC 9110, section 14.2)
    headers: req.method === 'HEAD' ? { ...req.headers, range: undefined } : req.headers,
    body: undefined,
  });
  if (!checked.ok) {
    throw new DomainError('invalid_request', 'The request does not keep to the contract.', {
      details: { fields: checked.faults },
    });
  }
  return contract.handle(operation, checked.request, {
    ...incoming.context,
    receiveUpload: createReceiveUpload(req, res),
  });
}

const NO_QUERY = Object.freeze({});

function queryOf(search: string): Record<string, string | string[]> {
  const query = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(search)) {
    const earlier = query.get(name);
    query.set(name, earlier === undefined ? value : [...(Array.isArray(earlier) ? earlier : [earlier]), value]);
  }
  return Object.fromEntries(query);
}

function checkContentType(contract: Contract, operation: ContractOperation, req: IncomingMessage): void {
  if (operation.requestContentTypes.length === 0) return;
  if (contract.findRequestContentType(operation, req.headers['content-type']) !== undefined) return;
  throw new DomainError('unsupported_media_type', `Send the body as ${operation.requestContentTypes.join(' or ')}.`, {
    details: { accepted: operation.requestContentTypes },
  });
}
