import type { Handler } from '../src/contract/handler.ts';
import { type SignInDeps, signIn } from '../src/services/access/sign-in.ts';

/** Gives an access token for a name and a password. */
export const loginUser =
  (deps: SignInDeps): Handler<'loginUser'> =>
  async ({ body }, { clientAddress, requestId }) => {
    const { accessToken, lifetimeSeconds } = await signIn(deps, {
      name: body.username,
      password: body.password,
      address: clientAddress,
      requestId,
    });
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store', Pragma: 'no-cache' },
      body: { access_token: accessToken, token_type: 'bearer', expires_in_sec: lifetimeSeconds },
    };
  };
