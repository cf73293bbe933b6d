import type { Actor } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { updateWebhook } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import { type CountedWebhook, getWebhook } from './find-webhooks.ts';
import { auditedSettings, demandCallable, type WebhookChanges } from './webhook-changes.ts';
import type { WebhookDeps } from './webhook-deps.ts';
import { isWebhookId, noSuchWebhook } from './webhook-faults.ts';

/**
 * Changes what is given of a webhook. While it is switched off nothing new is written down for it, and what waits goes on waiting.
 * What waits when its URL changes is sent to the new one.
 *
 * @throws DomainError `not_found`, `invalid_webhook` when the URL may not be called, `queue_unavailable`.
 */
export async function changeWebhook(
  deps: WebhookDeps,
  actor: Actor,
  id: string,
  wish: WebhookChanges,
): Promise<CountedWebhook> {
  if (!isWebhookId(id)) throw noSuchWebhook();
  const changes = await demandCallable(deps, wish);
  const change = transaction(deps.db, async (step) => {
    const webhook = await updateWebhook(step, id, changes, actor.name);
    if (webhook === undefined) throw noSuchWebhook();
    await recordAudit(step, actor, {
      action: 'webhook.updated',
      objectType: 'webhook',
      objectId: webhook.id,
      details: auditedSettings(changes),
    });
  });
  await needDatabase(change);
  return getWebhook(deps, id);
}
