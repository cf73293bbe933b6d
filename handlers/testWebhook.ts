import type { Handler } from '../src/contract/handler.ts';
import { sendTestEvent } from '../src/services/webhook/ask-for-delivery.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { deliveryView } from '../src/services/webhook/webhook-view.ts';

/** Sends a test event. */
export const testWebhook =
  (deps: WebhookDeps): Handler<'testWebhook'> =>
  async ({ params }, { actor }) => {
    const delivery = await sendTestEvent(deps, actor, params.webhook_id);
    return { status: 202, headers: { 'Cache-Control': 'no-store' }, body: deliveryView(delivery) };
  };
