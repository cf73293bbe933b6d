import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import type { Permission } from '../../domain/permissions.ts';
import { addAdministrator as addRow } from '../../repositories/administrators.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { choosePassword } from './choose-password.ts';

/** Somebody who is to sign in. */
export interface NewAdministrator {
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** Undefined: one is made. */
  readonly password: string | undefined;
}

/**
 * Adds an administrator.
 *
 * @returns the password; undefined when the name is taken, and nothing was changed.
 * @throws DomainError `invalid_password`.
 */
export async function addAdministrator(
  { db }: { readonly db: Db },
  actor: Actor,
  { name, permissions, password }: NewAdministrator,
): Promise<string | undefined> {
  const { clear, passwordHash } = await choosePassword(name, password);
  return transaction(db, async (step) => {
    if (!(await addRow(step, { name, passwordHash, permissions }))) return undefined;
    await recordAudit(step, actor, {
      action: 'administrator.added',
      objectType: 'administrator',
      objectId: name,
      details: { permissions },
    });
    return clear;
  });
}
