/**
 * Judging an access token, in this order: its form, its key, its signature; then the database says what is good at this moment,
 * and what time it is. So a disabled administrator, a new password and another set of permissions hold at once in every process,
 * and a process whose own clock is wrong judges like the others.
 */
import { compactVerify, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Db } from '../../db/db.ts';
import { ADMINISTRATOR_NAME } from '../../domain/administrators.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Permission } from '../../domain/permissions.ts';
import { findTokenStanding } from '../../repositories/administrators.ts';
import { needDatabase } from '../database-fault.ts';
import { TOKEN_ALGORITHM, TOKEN_ISSUER } from './issue-token.ts';
import { RETIRED_KEY_SECONDS, type TokenKeys } from './token-keys.ts';

/** Whom a token stands for now. */
export interface TokenOwner {
  readonly name: string;
  /** Those the administrator has now, whatever the token says. */
  readonly permissions: readonly Permission[];
  /** When the token ends. */
  readonly tokenExpiresAt: Date;
}

/** What tokens are judged with. */
export interface VerifyTokenDeps {
  readonly db: Db;
  readonly tokenKeys: TokenKeys;
}

/** Longer than any token of ours; what is longer is not even decoded. */
const LENGTH_MAX = 2_048;
const KID = /^[0-9a-f]{16}$/;

/**
 * @returns whom the token stands for at this moment.
 * @throws DomainError `unauthorized` (without a reason: it would only help whoever forges), `queue_unavailable`.
 */
export async function verifyToken({ db, tokenKeys }: VerifyTokenDeps, token: string): Promise<TokenOwner> {
  const kid = readKid(token);
  const key = kid === undefined ? undefined : await needDatabase(tokenKeys.find(kid));
  if (kid === undefined || key === undefined) throw notGood();
  const name = await signedName(token, key);
  const { now, owner, isKeyGood } = await needDatabase(
    findTokenStanding(db, { name, kid, keyLifeSeconds: RETIRED_KEY_SECONDS }),
  );
  const { gen, exp } = await checkedClaims(token, key, now);
  if (!isKeyGood || owner === undefined || owner.tokenGeneration !== gen) throw notGood();
  return { name, permissions: owner.permissions, tokenExpiresAt: new Date((exp as number) * 1000) };
}

const notGood = (cause?: unknown) =>
  new DomainError('unauthorized', 'The access token is not valid, or no longer. Sign in at /api/login.', { cause });

/** Everything that jose finds wrong with a token is the token's fault. */
async function ofToken<T>(step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) throw notGood(error);
    throw error;
  }
}

function readKid(token: string): string | undefined {
  if (token.length > LENGTH_MAX) return undefined;
  try {
    const { kid } = decodeProtectedHeader(token);
    return typeof kid === 'string' && KID.test(kid) ? kid : undefined;
  } catch {
    return undefined;
  }
}

const SIGNATURE = { algorithms: [TOKEN_ALGORITHM] };

/** The subject, once the signature is proved: nobody without a key makes the database look anything up. */
async function signedName(token: string, key: Uint8Array): Promise<string> {
  const { payload } = await ofToken(() => compactVerify(token, key, SIGNATURE));
  const name = subjectOf(payload);
  if (name === undefined || !ADMINISTRATOR_NAME.test(name)) throw notGood();
  return name;
}

function subjectOf(payload: Uint8Array): string | undefined {
  try {
    const { sub } = JSON.parse(Buffer.from(payload).toString('utf8')) as JWTPayload;
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}

async function checkedClaims(token: string, key: Uint8Array, now: Date): Promise<JWTPayload> {
  const { payload } = await ofToken(() =>
    jwtVerify(token, key, {
      ...SIGNATURE,
      issuer: TOKEN_ISSUER,
      typ: 'JWT',
      requiredClaims: ['sub', 'iat', 'exp', 'gen'],
      clockTolerance: 0,
      currentDate: now,
    }),
  );
  return payload;
}
