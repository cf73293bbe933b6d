import type { Handler } from '../src/contract/handler.ts';
import { getWebhook as read } from '../src/services/webhook/find-webhooks.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { webhookView } from '../src/services/webhook/webhook-view.ts';

/** Shows a webhook. */
export const getWebhook =
  (deps: WebhookDeps): Handler<'getWebhook'> =>
  async ({ params }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: webhookView(await read(deps, params.webhook_id)),
  });
