import { SignJWT } from 'jose';
import type { Permission } from '../../domain/permissions.ts';
import type { TokenKeys } from './token-keys.ts';

/** Who signs, and whom tokens are for: a token of another system with the same secret is none of ours. */
export const TOKEN_ISSUER = 'photochanger';
/** The one algorithm; a token that names another one is refused before anything is computed. */
export const TOKEN_ALGORITHM = 'HS256';

/** What a token says. */
export interface TokenClaims {
  readonly name: string;
  /** As they were when the token was given; a request is judged by those of its moment. */
  readonly permissions: readonly Permission[];
  readonly tokenGeneration: number;
  /** The database's clock. */
  readonly issuedAt: Date;
  readonly lifetimeSeconds: number;
}

/** Signs a token with the key of this id. @throws Error when the key is not known here. */
export async function issueToken(keys: TokenKeys, kid: string, claims: TokenClaims): Promise<string> {
  const key = await keys.find(kid);
  if (key === undefined) throw new Error(`The key ${kid}, which signs tokens now, cannot be read here.`);
  const issuedAtSeconds = Math.floor(claims.issuedAt.getTime() / 1000);
  return new SignJWT({ permissions: [...claims.permissions], gen: claims.tokenGeneration })
    .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: 'JWT', kid })
    .setIssuer(TOKEN_ISSUER)
    .setSubject(claims.name)
    .setIssuedAt(issuedAtSeconds)
    .setExpirationTime(issuedAtSeconds + claims.lifetimeSeconds)
    .sign(key);
}
