import type { Db } from '../../db/db.ts';
import { COMMAND_LINE } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { deleteSecret } from '../../repositories/secrets.ts';
import { transaction } from '../../repositories/transaction.ts';
import { findLockedSecrets } from './locked-secrets.ts';
import type { SecretBox } from './secret-box.ts';

/**
 * Deletes the secrets that cannot be opened, because their master key is lost or their rows are damaged. All others stay.
 *
 * @returns the names of those that were, or in a dry run would be, deleted.
 */
export async function forgetLockedSecrets(
  deps: { readonly db: Db; readonly secretBox: SecretBox },
  { isDryRun }: { isDryRun: boolean },
): Promise<string[]> {
  const names = (await findLockedSecrets(deps)).map(({ secretName }) => secretName);
  if (isDryRun || names.length === 0) return names;
  await transaction(deps.db, async (step) => {
    for (const name of names) {
      await deleteSecret(step, name);
      await recordAudit(step, COMMAND_LINE, { action: 'secret.forgotten', objectType: 'secret', objectId: name });
    }
  });
  return names;
}
