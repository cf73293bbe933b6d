/** Webhooks and deliveries as clients see them. */
import type { WebhookDelivery } from '../../repositories/webhook-deliveries.ts';
import type { CountedWebhook } from './find-webhooks.ts';
import type { WebhookChanges } from './webhook-changes.ts';

/** A webhook (schema `Webhook`); its secret is in no view. */
export const webhookView = (webhook: CountedWebhook) => ({
  id: webhook.id,
  url: webhook.url,
  is_enabled: webhook.isEnabled,
  events: [...webhook.events],
  slot_ids: webhook.slotIds && [...webhook.slotIds],
  previous_secret_until: webhook.previousSecretUntil?.toISOString() ?? null,
  deliveries: webhook.undelivered,
  created_at: webhook.createdAt.toISOString(),
  created_by: webhook.createdBy,
  updated_at: webhook.updatedAt.toISOString(),
  updated_by: webhook.updatedBy,
});

/** The members of a request that sets a webhook up (schemas `WebhookCreateRequest`, `WebhookUpdateRequest`). */
interface WebhookMembers {
  readonly url?: string;
  readonly is_enabled?: boolean;
  readonly events?: WebhookChanges['events'];
  readonly slot_ids?: readonly string[] | null;
}

/** What a request asks for. */
export const changesIn = ({ url, is_enabled, events, slot_ids }: WebhookMembers): WebhookChanges => ({
  ...(url !== undefined && { url }),
  ...(is_enabled !== undefined && { isEnabled: is_enabled }),
  ...(events !== undefined && { events }),
  ...(slot_ids !== undefined && { slotIds: slot_ids }),
});

/** A delivery (schema `WebhookDelivery`). */
export const deliveryView = (delivery: WebhookDelivery) => ({
  id: delivery.id,
  type: delivery.type,
  job_id: delivery.jobId,
  state: delivery.state,
  attempts: delivery.attempts,
  created_at: delivery.createdAt.toISOString(),
  last_attempt_at: delivery.lastAttemptAt?.toISOString() ?? null,
  last_status: delivery.lastStatus,
  last_error: delivery.lastError,
  next_attempt_at: delivery.state === 'pending' ? delivery.dueAt.toISOString() : null,
  ended_at: delivery.state === 'pending' ? null : delivery.changedAt.toISOString(),
});
