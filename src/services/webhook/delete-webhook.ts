import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { deleteWebhook as deleteRows } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import { isWebhookId, noSuchWebhook } from './webhook-faults.ts';
import { deleteWebhookSecrets } from './webhook-secret.ts';

/**
 * Deletes a webhook with its secrets and everything that was to be sent to it, or had been. A request that is under way ends by
 * itself.
 *
 * @throws DomainError `not_found`, `queue_unavailable`.
 */
export async function deleteWebhook({ db }: { readonly db: Db }, actor: Actor, id: string): Promise<void> {
  if (!isWebhookId(id)) throw noSuchWebhook();
  const remove = transaction(db, async (step) => {
    if (!(await deleteRows(step, id))) throw noSuchWebhook();
    await deleteWebhookSecrets(step, id);
    await recordAudit(step, actor, { action: 'webhook.deleted', objectType: 'webhook', objectId: id.toLowerCase() });
  });
  await needDatabase(remove);
}
