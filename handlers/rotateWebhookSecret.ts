import type { Handler } from '../src/contract/handler.ts';
import { rotateWebhookSecret as rotate } from '../src/services/webhook/rotate-webhook-secret.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';

/** Gives a webhook another secret, and shows it this once. */
export const rotateWebhookSecret =
  (deps: WebhookDeps): Handler<'rotateWebhookSecret'> =>
  async ({ params, body }, { actor }) => {
    const { secret, previousSecretUntil } = await rotate(deps, actor, params.webhook_id, {
      overlapHours: body?.overlap_hours,
    });
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: { secret, previous_secret_until: previousSecretUntil?.toISOString() ?? null },
    };
  };
