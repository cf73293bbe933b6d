import { WEBHOOK_EVENTS } from '../../domain/webhooks.ts';
import type { WebhookSettings } from '../../repositories/webhooks.ts';
import type { WebhookDeps } from './webhook-deps.ts';
import { impossibleWebhook } from './webhook-faults.ts';

/** What is to become of a webhook; what is left out stays as it is. */
export type WebhookChanges = Partial<WebhookSettings>;

/**
 * The changes with the URL normalised, and without anything said twice.
 *
 * @throws DomainError `invalid_webhook` when the URL may not be called.
 */
export async function demandCallable(
  { judgeWebhookUrl }: Pick<WebhookDeps, 'judgeWebhookUrl'>,
  changes: WebhookChanges,
): Promise<WebhookChanges> {
  const { url, events, slotIds } = changes;
  const once = {
    ...changes,
    ...(events && { events: WEBHOOK_EVENTS.filter((event) => events.includes(event)) }),
    ...(slotIds && { slotIds: [...new Set(slotIds)].sort() }),
  };
  if (url === undefined) return once;
  const judged = await judgeWebhookUrl(url);
  if ('fault' in judged) throw impossibleWebhook('/body/url', judged.fault);
  return { ...once, url: judged.url };
}

/** The settings as the audit log may hold them: paths and queries of webhook URLs are often secrets themselves. */
export const auditedSettings = ({ url, isEnabled, events, slotIds }: WebhookChanges): Record<string, unknown> => ({
  ...(url !== undefined && { origin: new URL(url).origin }),
  ...(isEnabled !== undefined && { is_enabled: isEnabled }),
  ...(events !== undefined && { events }),
  ...(slotIds !== undefined && { slot_ids: slotIds }),
});
