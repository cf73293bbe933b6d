import type { Handler } from '../src/contract/handler.ts';
import { deleteWebhook as remove } from '../src/services/webhook/delete-webhook.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';

/** Deletes a webhook and all that was to be sent to it. */
export const deleteWebhook =
  (deps: WebhookDeps): Handler<'deleteWebhook'> =>
  async ({ params }, { actor }) => {
    await remove(deps, actor, params.webhook_id);
    return { status: 204, headers: { 'Cache-Control': 'no-store' } };
  };
