/** From a request to its operation's answer: route, who may, read the body the operation declares, validate, handle. */
import type { IncomingMessage } from 'node:http';
import type { Contract, ContractOperation } from '../contract/contract.ts';
import type { AnyReply } from '../contract/handler.ts';
import { DomainError, type FieldFault } from '../domain/errors.ts';
import { isSlotId } from '../domain/slots.ts';
import { type AuthoriseDeps, authorise } from './authorise.ts';
import type { Incoming } from './incoming.ts';
import { readJsonBody } from './json-body.ts';
import { announcesBody } from './request-body-head.ts';

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

/**
 * Checks who asks, reads and validates the request, and runs its handler.
 *
 * @throws DomainError `unauthorized`, `forbidden`, `slot_not_found`, `unsupported_media_type`, `payload_too_large`,
 * `invalid_request` or the operation's own code for it; or whatever the handler throws.
 */
export async function dispatch(
  contract: Contract,
  deps: AuthoriseDeps,
  match: ReturnType<typeof findOperation>,
  incoming: Incoming,
): Promise<AnyReply> {
  const { operation, params } = match;
  const { req } = incoming;
  if (operation.access !== 'public') incoming.context.actor = await authorise(deps, operation.access, incoming);
  const query = incoming.search === '' ? NO_QUERY : queryOf(incoming.search);
  demandSlot(params.slot_id ?? params.slotId);
  demandSlot(query.slot_id);
  checkContentType(contract, operation, req);
  const checked = contract.validateRequest(operation, {
    params,
    query,
    // a range is for GET alone (RFC 9110, section 14.2)
    headers: req.method === 'HEAD' ? { ...req.headers, range: undefined } : req.headers,
    body: operation.rules.bodyIsJson ? await readJsonBody(incoming, operation.invalidRequestCode) : undefined,
  });
  if (!checked.ok) throw contractFault(operation, checked.faults);
  return contract.handle(operation, checked.request, incoming.context);
}

/** An unknown slot is told before any other fault of the request, also where it is only a filter. */
function demandSlot(slotId: unknown): void {
  if (typeof slotId === 'string' && !isSlotId(slotId))
    throw new DomainError('slot_not_found', 'There is no such slot. Slots are slot-001 to slot-015.');
}

const contractFault = ({ invalidRequestCode }: ContractOperation, fields: readonly FieldFault[]) =>
  new DomainError(invalidRequestCode, 'The request does not keep to the contract.', { details: { fields } });

const NO_QUERY: Record<string, string | string[]> = Object.freeze({});

function queryOf(search: string): Record<string, string | string[]> {
  const query = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(search)) {
    const earlier = query.get(name);
    if (earlier === undefined) query.set(name, value);
    else if (typeof earlier === 'string') query.set(name, [earlier, value]);
    else earlier.push(value);
  }
  return Object.fromEntries(query);
}

function checkContentType(contract: Contract, operation: ContractOperation, req: IncomingMessage): void {
  // A body that the operation does not take is passed over, as that of a GET is (RFC 9110, section 9.3.1). A form is not looked at
  // here: whoever receives it judges its head, and the station inspector sees what is refused.
  if (!operation.rules.bodyIsJson) return;
  if (!operation.requestBodyRequired && !announcesBody(req)) return;
  if (contract.findRequestContentType(operation, req.headers['content-type']) !== undefined) return;
  throw new DomainError('unsupported_media_type', `Send the body as ${operation.requestContentTypes.join(' or ')}.`, {
    details: { accepted: operation.requestContentTypes },
  });
}
