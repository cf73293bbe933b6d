import type { Handler } from '../src/contract/handler.ts';
import { changeOwnPassword as changePassword } from '../src/services/access/change-own-password.ts';
import type { ProveDeps } from '../src/services/access/prove-under-throttle.ts';

/** Gives whoever asks another password, and ends their tokens. */
export const changeOwnPassword =
  (deps: ProveDeps): Handler<'changeOwnPassword'> =>
  async ({ body }, { actor }) => {
    await changePassword(deps, actor, { currentPassword: body.current_password, newPassword: body.new_password });
    return { status: 204, headers: { 'Cache-Control': 'no-store' } };
  };
