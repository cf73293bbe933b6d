import { FIRST_ADMINISTRATOR } from '../../domain/administrators.ts';
import { PERMISSIONS } from '../../domain/permissions.ts';
import { addAdministrator, listAdministrators } from '../../repositories/administrators.ts';
import type { Step } from '../../repositories/transaction.ts';
import { newPassword, type PasswordSeed } from '../settings/first-run.ts';
import { hashPassword } from '../settings/password-hash.ts';

/**
 * Adds the first administrator, with every permission, where there is none at all: with the environment's password, or one made
 * now. The clear text exists only in what is returned. To be called under `lockFirstRun`.
 */
export async function seedFirstAdministrator(step: Step, initial: string | undefined): Promise<PasswordSeed> {
  if ((await listAdministrators(step)).length > 0) return { kind: 'already set' };
  const password = initial ?? newPassword();
  const passwordHash = await hashPassword(password);
  await addAdministrator(step, { name: FIRST_ADMINISTRATOR, passwordHash, permissions: PERMISSIONS });
  return initial === undefined ? { kind: 'made', password } : { kind: 'taken from the environment' };
}
