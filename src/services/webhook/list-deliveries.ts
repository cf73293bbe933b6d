import type { Db } from '../../db/db.ts';
import type { DeliveryState } from '../../domain/webhooks.ts';
import { listDeliveries as readDeliveries, type WebhookDelivery } from '../../repositories/webhook-deliveries.ts';
import { findWebhook } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import { isWebhookId, noSuchWebhook } from './webhook-faults.ts';

/** Which part of a webhook's deliveries. */
export interface DeliveryQuery {
  readonly webhookId: string;
  readonly state?: DeliveryState | undefined;
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
}

/** A page of a webhook's deliveries, newest first. @throws DomainError `not_found`, `queue_unavailable`. */
export async function listDeliveries(
  { db }: { readonly db: Db },
  { webhookId, state, page, pageSize }: DeliveryQuery,
): Promise<{ deliveries: WebhookDelivery[]; total: number }> {
  if (!isWebhookId(webhookId)) throw noSuchWebhook();
  const [webhook, found] = await needDatabase(
    Promise.all([
      findWebhook(db, webhookId),
      readDeliveries(db, webhookId, state, { offset: (page - 1) * pageSize, limit: pageSize }),
    ]),
  );
  if (webhook === undefined) throw noSuchWebhook();
  return found;
}
