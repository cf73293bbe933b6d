import type { Actor } from '../../domain/actor.ts';
import { WEBHOOK_EVENTS, WEBHOOKS_MAX } from '../../domain/webhooks.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { insertWebhook, listWebhooks, lockWebhooks, type WebhookSettings } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import type { CountedWebhook } from './find-webhooks.ts';
import { auditedSettings, demandCallable, type WebhookChanges } from './webhook-changes.ts';
import type { WebhookDeps } from './webhook-deps.ts';
import { impossibleWebhook } from './webhook-faults.ts';
import { makeWebhookSecret, storeWebhookSecret } from './webhook-secret.ts';

/** A webhook to be; by default it is on, and hears of every end of every slot's photos. */
export type NewWebhook = WebhookChanges & { readonly url: string };

/**
 * Adds a webhook with a secret of its own, which nobody gets to see again. It hears of photos that are finished from now on.
 *
 * @throws DomainError `invalid_webhook` when the URL may not be called or there are 20 webhooks already, `queue_unavailable`.
 */
export async function createWebhook(
  deps: WebhookDeps,
  actor: Actor,
  wish: NewWebhook,
): Promise<{ webhook: CountedWebhook; secret: string }> {
  const {
    url = wish.url,
    isEnabled = true,
    events = WEBHOOK_EVENTS,
    slotIds = null,
  } = await demandCallable(deps, wish);
  const settings: WebhookSettings = { url, isEnabled, events, slotIds };
  const secret = makeWebhookSecret();
  const add = transaction(deps.db, async (step) => {
    await lockWebhooks(step);
    if ((await listWebhooks(step)).length >= WEBHOOKS_MAX)
      throw impossibleWebhook('/body', `there are ${WEBHOOKS_MAX} webhooks already`);
    const webhook = await insertWebhook(step, settings, actor.name);
    await storeWebhookSecret({ step, secretBox: deps.secretBox }, webhook.id, secret, actor.name);
    await recordAudit(step, actor, {
      action: 'webhook.created',
      objectType: 'webhook',
      objectId: webhook.id,
      details: auditedSettings(settings),
    });
    return webhook;
  });
  return { webhook: { ...(await needDatabase(add)), undelivered: { pending: 0, dead: 0 } }, secret };
}
