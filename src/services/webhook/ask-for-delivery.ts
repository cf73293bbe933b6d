import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { insertTestDelivery, restartDelivery, type WebhookDelivery } from '../../repositories/webhook-deliveries.ts';
import { findWebhook } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import { isWebhookId, noSuchDelivery, noSuchWebhook, webhookIsOff } from './webhook-faults.ts';

interface Deps {
  readonly db: Db;
}

/**
 * Sends a delivery again at once, whatever became of it, under the same id; it is tried for as long as a new one.
 *
 * @throws DomainError `not_found`, `invalid_webhook` when the webhook is switched off, `queue_unavailable`.
 */
export const deliverAgain = (
  { db }: Deps,
  actor: Actor,
  { webhookId, deliveryId }: { readonly webhookId: string; readonly deliveryId: string },
): Promise<WebhookDelivery> =>
  ask(db, actor, webhookId, 'webhook.redelivered', async (step) => {
    const delivery = isWebhookId(deliveryId) ? await restartDelivery(step, webhookId, deliveryId) : undefined;
    if (delivery === undefined) throw noSuchDelivery();
    return delivery;
  });

/**
 * Sends a test event, which tells of no job. It is delivered like any other.
 *
 * @throws DomainError `not_found`, `invalid_webhook` when the webhook is switched off, `queue_unavailable`.
 */
export const sendTestEvent = ({ db }: Deps, actor: Actor, webhookId: string): Promise<WebhookDelivery> =>
  ask(db, actor, webhookId, 'webhook.tested', (step) => insertTestDelivery(step, webhookId));

async function ask(
  db: Db,
  actor: Actor,
  webhookId: string,
  action: string,
  make: (step: Step) => Promise<WebhookDelivery>,
): Promise<WebhookDelivery> {
  if (!isWebhookId(webhookId)) throw noSuchWebhook();
  const asking = transaction(db, async (step) => {
    // locked, so that no delivery outlives a webhook that is deleted just now
    const webhook = await findWebhook(step, webhookId, { locks: true });
    if (webhook === undefined) throw noSuchWebhook();
    if (!webhook.isEnabled) throw webhookIsOff();
    const delivery = await make(step);
    const details = { delivery_id: delivery.id };
    await recordAudit(step, actor, { action, objectType: 'webhook', objectId: webhook.id, details });
    return delivery;
  });
  return needDatabase(asking);
}
