import { passwordFault } from '../../domain/administrators.ts';
import { DomainError } from '../../domain/errors.ts';
import { newPassword } from '../settings/first-run.ts';
import { hashPassword } from '../settings/password-hash.ts';

/** A password for an administrator, with its hash: the given one, or one made now. @throws DomainError `invalid_password`. */
export async function choosePassword(
  name: string,
  given: string | undefined,
): Promise<{ readonly clear: string; readonly passwordHash: string }> {
  const clear = given ?? newPassword();
  const fault = passwordFault(clear, name);
  if (fault !== undefined) throw new DomainError('invalid_password', `The password ${fault}.`);
  return { clear, passwordHash: await hashPassword(clear) };
}
