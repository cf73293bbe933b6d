import type { Actor } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { putSetting } from '../../repositories/settings.ts';
import type { Step } from '../../repositories/transaction.ts';

/**
 * Sets the ingest password by its hash, or closes ingest with null. A closed ingest leaves a row without a value: where there is
 * no row at all, the next start makes a new password.
 */
export async function changeIngestPassword(
  step: Step,
  actor: Pick<Actor, 'name' | 'address' | 'requestId'>,
  passwordHash: string | null,
): Promise<void> {
  await putSetting(step, 'ingest_password_hash', passwordHash, actor.name);
  const action = passwordHash === null ? 'ingest_password.removed' : 'ingest_password.set';
  await recordAudit(step, actor, { action, objectType: 'settings', objectId: null });
}
