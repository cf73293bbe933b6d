import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import type { Permission } from '../../domain/permissions.ts';
import { updateAdministrator } from '../../repositories/administrators.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { choosePassword } from './choose-password.ts';

interface Deps {
  readonly db: Db;
}

/**
 * Lets an administrator sign in, or not. Tokens of one who is disabled are over, also when they are let in again later.
 *
 * @returns false when nobody has the name.
 */
export const setAdministratorEnabled = (deps: Deps, actor: Actor, name: string, isEnabled: boolean): Promise<boolean> =>
  change(deps, actor, name, { isEnabled, endTokens: !isEnabled }, { action: isEnabled ? 'enabled' : 'disabled' });

/** Gives an administrator these permissions instead of the former; requests from now on are judged by them. */
export const setAdministratorPermissions = (
  deps: Deps,
  actor: Actor,
  name: string,
  permissions: readonly Permission[],
): Promise<boolean> =>
  change(deps, actor, name, { permissions }, { action: 'permissions_changed', details: { permissions } });

/**
 * Gives an administrator another password; all tokens given before are over. @param password undefined: one is made.
 *
 * @returns the password; undefined when nobody has the name.
 * @throws DomainError `invalid_password`.
 */
export async function setAdministratorPassword(
  deps: Deps,
  actor: Actor,
  name: string,
  password: string | undefined,
): Promise<string | undefined> {
  const { clear, passwordHash } = await choosePassword(name, password);
  const isKnown = await change(deps, actor, name, { passwordHash, endTokens: true }, { action: 'password_changed' });
  return isKnown ? clear : undefined;
}

function change(
  { db }: Deps,
  actor: Actor,
  name: string,
  fields: Parameters<typeof updateAdministrator>[2],
  { action, details }: { action: string; details?: Record<string, unknown> },
): Promise<boolean> {
  return transaction(db, async (step) => {
    if (!(await updateAdministrator(step, name, fields))) return false;
    await recordAudit(step, actor, {
      action: `administrator.${action}`,
      objectType: 'administrator',
      objectId: name,
      ...(details !== undefined && { details }),
    });
    return true;
  });
}
