import type { Handler } from '../src/contract/handler.ts';
import { changeWebhook } from '../src/services/webhook/change-webhook.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { changesIn, webhookView } from '../src/services/webhook/webhook-view.ts';

/** Changes what is given of a webhook. */
export const updateWebhook =
  (deps: WebhookDeps): Handler<'updateWebhook'> =>
  async ({ params, body }, { actor }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: webhookView(await changeWebhook(deps, actor, params.webhook_id, changesIn(body))),
  });
