import type { Actor } from '../../domain/actor.ts';
import { passwordFault } from '../../domain/administrators.ts';
import { DomainError } from '../../domain/errors.ts';
import { findAdministrator, updateAdministrator } from '../../repositories/administrators.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { hashPassword, verifyPassword } from '../settings/password-hash.ts';
import { type ProveDeps, proveUnderThrottle } from './prove-under-throttle.ts';

/** The password that was, and the one to be. */
export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/**
 * Gives an administrator another password. All tokens given before are over, the one of this request too.
 *
 * @throws DomainError `invalid_password` (with the fault), `invalid_credentials` (the current password is wrong; it counts as a
 * failed sign-in), `login_throttled`, `unauthorized` (disabled or changed meanwhile), `queue_unavailable`.
 */
export async function changeOwnPassword(deps: ProveDeps, actor: Actor, change: PasswordChange): Promise<void> {
  demandUsable(actor.name, change);
  const guesser = { name: actor.name, address: actor.address ?? 'unknown', requestId: actor.requestId };
  const hashes = await proveUnderThrottle(deps, guesser, () => prove(deps, actor.name, change));
  if (hashes === undefined) throw new DomainError('invalid_credentials', 'The current password is wrong.');
  const isChanged = await needDatabase(
    transaction(deps.db, async (step) => {
      const fields = { passwordHash: hashes.after, endTokens: true };
      const isDone = await updateAdministrator(step, actor.name, fields, hashes.before);
      const entry = { action: 'administrator.password_changed', objectType: 'administrator', objectId: actor.name };
      if (isDone) await recordAudit(step, actor, entry);
      return isDone;
    }),
  );
  if (!isChanged) throw overtaken();
}

function demandUsable(name: string, { currentPassword, newPassword }: PasswordChange): void {
  const fault = currentPassword === newPassword ? 'must be another one' : passwordFault(newPassword, name);
  if (fault === undefined) return;
  throw new DomainError('invalid_password', `The new password ${fault}.`, {
    details: { fields: [{ pointer: '/body/new_password', message: fault, keyword: 'password' }] },
  });
}

async function prove({ db, hashQueue }: ProveDeps, name: string, change: PasswordChange) {
  const found = await needDatabase(findAdministrator(db, name));
  if (found === undefined) throw overtaken();
  const before = found.passwordHash;
  return hashQueue.run(async () => {
    if (!(await verifyPassword(change.currentPassword, before))) return undefined;
    return { before, after: await hashPassword(change.newPassword) };
  });
}

const overtaken = () =>
  new DomainError('unauthorized', 'The account was changed by somebody else meanwhile. Sign in at /api/login.');
