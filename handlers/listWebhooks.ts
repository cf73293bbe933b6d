import type { Handler } from '../src/contract/handler.ts';
import { findWebhooks } from '../src/services/webhook/find-webhooks.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { webhookView } from '../src/services/webhook/webhook-view.ts';

/** Shows all webhooks. */
export const listWebhooks =
  (deps: WebhookDeps): Handler<'listWebhooks'> =>
  async () => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: { data: (await findWebhooks(deps)).map(webhookView) },
  });
