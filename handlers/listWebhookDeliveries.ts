import type { Handler } from '../src/contract/handler.ts';
import { listDeliveries } from '../src/services/webhook/list-deliveries.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { deliveryView } from '../src/services/webhook/webhook-view.ts';

/** Shows a page of what was, or is to be, sent to a webhook. */
export const listWebhookDeliveries =
  (deps: WebhookDeps): Handler<'listWebhookDeliveries'> =>
  async ({ params, query: { page = 1, page_size: pageSize = 20, state } }) => {
    const webhookId = params.webhook_id;
    const { deliveries, total } = await listDeliveries(deps, { webhookId, state, page, pageSize });
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: { data: deliveries.map(deliveryView), meta: { page, page_size: pageSize, total } },
    };
  };
