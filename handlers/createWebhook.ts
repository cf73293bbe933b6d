import type { Handler } from '../src/contract/handler.ts';
import { createWebhook as create } from '../src/services/webhook/create-webhook.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { changesIn, webhookView } from '../src/services/webhook/webhook-view.ts';

/** Adds a webhook, and shows its secret this once. */
export const createWebhook =
  (deps: WebhookDeps): Handler<'createWebhook'> =>
  async ({ body }, { actor }) => {
    const { webhook, secret } = await create(deps, actor, { ...changesIn(body), url: body.url });
    return {
      status: 201,
      headers: { 'Cache-Control': 'no-store', Location: `/api/webhooks/${webhook.id}` },
      body: { webhook: webhookView(webhook), secret },
    };
  };
