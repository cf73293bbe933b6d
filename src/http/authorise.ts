/** Who may call an operation: the contract says which permission it needs, this looks at the token that came with the request. */
import { timingSafeEqual } from 'node:crypto';
import type { Actor } from '../domain/actor.ts';
import { DomainError } from '../domain/errors.ts';
import { type Access, grants, type Permission } from '../domain/permissions.ts';
import type { Incoming } from './incoming.ts';

/** What a valid access token stands for now. */
export interface TokenOwner {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly tokenExpiresAt?: Date;
}

/** How tokens are judged. */
export interface AuthoriseDeps {
  /** @throws DomainError `unauthorized` for a token that is not, or no longer, good; `queue_unavailable` without database. */
  readonly verifyToken: (token: string) => Promise<TokenOwner>;
  /** Undefined: nobody may read the metrics here. */
  readonly metricsToken: string | undefined;
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * @returns who asks; undefined for the metrics, which have no person behind them.
 * @throws DomainError `unauthorized`, `forbidden`.
 */
export async function authorise(
  { verifyToken, metricsToken }: AuthoriseDeps,
  access: Exclude<Access, 'public'>,
  { req, context }: Pick<Incoming, 'req' | 'context'>,
): Promise<Actor | undefined> {
  const token = BEARER.exec(req.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized();
  if (access === 'metrics') {
    if (metricsToken === undefined || !isSame(token, metricsToken)) throw unauthorized();
    return undefined;
  }
  const owner = await verifyToken(token);
  if (access !== 'any_administrator' && !grants(owner.permissions, access))
    throw new DomainError('forbidden', `This needs the permission ${access}.`, { details: { permission: access } });
  return { ...owner, address: context.clientAddress, requestId: context.requestId };
}

const unauthorized = () =>
  new DomainError('unauthorized', 'Send a valid token as "Authorization: Bearer …". Sign in at /api/login to get one.');

function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
