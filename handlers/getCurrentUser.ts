import type { Handler } from '../src/contract/handler.ts';
import { findCurrentUser } from '../src/services/access/find-current-user.ts';
import type { SignInDeps } from '../src/services/access/sign-in.ts';

/** Tells whom the token stands for. */
export const getCurrentUser =
  (deps: Pick<SignInDeps, 'db'>): Handler<'getCurrentUser'> =>
  async (_request, { actor }) => {
    const { name, permissions, tokenExpiresAt, lastLoginAt } = await findCurrentUser(deps, actor);
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: {
        name,
        permissions: [...permissions],
        token_expires_at: tokenExpiresAt.toISOString(),
        last_login_at: lastLoginAt?.toISOString() ?? null,
      },
    };
  };
