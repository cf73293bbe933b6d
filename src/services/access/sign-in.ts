/**
 * Signing in. Every refusal looks alike, and an unknown name costs the same hash as a known one. The try is counted before the
 * password is looked at, so that tries at the same time cannot pass the limit together.
 */
import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import {
  type Administrator,
  findAdministrator,
  recordLogin,
  updateAdministrator,
} from '../../repositories/administrators.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { DECOY_HASH, hashPassword, needsRehash, verifyPassword } from '../settings/password-hash.ts';
import type { HashQueue } from './hash-queue.ts';
import { issueToken } from './issue-token.ts';
import { proveUnderThrottle } from './prove-under-throttle.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';
import type { TokenKeys } from './token-keys.ts';

/** What signing in needs. */
export interface SignInDeps {
  readonly db: Db;
  readonly tokenKeys: TokenKeys;
  readonly throttle: SignInThrottle;
  readonly hashQueue: HashQueue;
  /** Of access tokens. */
  readonly tokenLifetimeSeconds: number;
}

/** Who wants to sign in, and from where. */
export interface SignInRequest {
  readonly name: string;
  readonly password: string;
  readonly address: string;
  readonly requestId: string;
}

/** A token, and how long it lives. */
export interface IssuedToken {
  readonly accessToken: string;
  readonly lifetimeSeconds: number;
}

interface Proof {
  readonly administrator: Administrator;
  readonly passwordHash: string;
  /** A stronger hash of the same password, where the stored one is weaker than today's. */
  readonly strongerHash: string | undefined;
}

/** @throws DomainError `invalid_credentials`, `login_throttled`, `queue_unavailable`. */
export async function signIn(deps: SignInDeps, request: SignInRequest): Promise<IssuedToken> {
  const actor = { name: request.name, address: request.address, requestId: request.requestId };
  const proof = await proveUnderThrottle(deps, actor, () => prove(deps, request));
  const login = proof && (await needDatabase(admit(deps, actor, proof)));
  if (proof === undefined || login === undefined) throw wrong();
  const { tokenLifetimeSeconds: lifetimeSeconds, tokenKeys } = deps;
  const claims = { ...proof.administrator, issuedAt: login.at, lifetimeSeconds };
  return { accessToken: await needDatabase(issueToken(tokenKeys, login.kid, claims)), lifetimeSeconds };
}

const wrong = () => new DomainError('invalid_credentials', 'The name or the password is wrong.');

/** The stored hash, or for a name that nobody has one that costs the same; a disabled administrator is refused after the hash. */
async function prove({ db, hashQueue }: SignInDeps, { name, password }: SignInRequest): Promise<Proof | undefined> {
  const found = await needDatabase(findAdministrator(db, name));
  return hashQueue.run(async () => {
    const isRight = await verifyPassword(password, found?.passwordHash ?? DECOY_HASH);
    if (!isRight || found === undefined || !found.isEnabled) return undefined;
    const strongerHash = needsRehash(found.passwordHash) ? await hashPassword(password) : undefined;
    return { administrator: found, passwordHash: found.passwordHash, strongerHash };
  });
}

type SignInActor = Pick<Actor, 'name' | 'address' | 'requestId'>;

/** @returns undefined when the administrator was disabled or got another password while this one was being proved. */
const admit = ({ db }: SignInDeps, actor: SignInActor, { administrator, passwordHash, strongerHash }: Proof) =>
  transaction(db, async (step) => {
    const login = await recordLogin(step, administrator);
    if (login === undefined) return undefined;
    if (strongerHash !== undefined)
      await updateAdministrator(step, administrator.name, { passwordHash: strongerHash }, passwordHash);
    await recordAudit(step, actor, {
      action: 'login.succeeded',
      objectType: 'administrator',
      objectId: administrator.name,
    });
    return login;
  });
