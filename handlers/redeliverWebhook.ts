import type { Handler } from '../src/contract/handler.ts';
import { deliverAgain } from '../src/services/webhook/ask-for-delivery.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { deliveryView } from '../src/services/webhook/webhook-view.ts';

/** Sends a delivery again. */
export const redeliverWebhook =
  (deps: WebhookDeps): Handler<'redeliverWebhook'> =>
  async ({ params }, { actor }) => {
    const wish = { webhookId: params.webhook_id, deliveryId: params.delivery_id };
    const delivery = await deliverAgain(deps, actor, wish);
    return { status: 202, headers: { 'Cache-Control': 'no-store' }, body: deliveryView(delivery) };
  };
