import type { Actor } from '../../domain/actor.ts';
import { SECRET_OVERLAP_HOURS } from '../../domain/webhooks.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { transaction } from '../../repositories/transaction.ts';
import { findWebhook, setPreviousSecretEnd } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import type { WebhookDeps } from './webhook-deps.ts';
import { isWebhookId, noSuchWebhook } from './webhook-faults.ts';
import { makeWebhookSecret, replaceWebhookSecret } from './webhook-secret.ts';

/** A new secret, and until when the one before signs beside it; null: it does not. */
export interface RotatedSecret {
  readonly secret: string;
  readonly previousSecretUntil: Date | null;
}

/**
 * Gives a webhook another secret, which nobody gets to see again. For `overlapHours` everything is signed with the one before as
 * well, so that the receiver can be changed without a gap; one that was replaced earlier ends at once.
 *
 * @throws DomainError `not_found`, `queue_unavailable`.
 */
export async function rotateWebhookSecret(
  { db, secretBox }: Pick<WebhookDeps, 'db' | 'secretBox'>,
  actor: Actor,
  id: string,
  { overlapHours = SECRET_OVERLAP_HOURS.default }: { readonly overlapHours?: number | undefined } = {},
): Promise<RotatedSecret> {
  if (!isWebhookId(id)) throw noSuchWebhook();
  const secret = makeWebhookSecret();
  const rotate = transaction(db, async (step) => {
    const webhook = await findWebhook(step, id, { locks: true });
    if (webhook === undefined) throw noSuchWebhook();
    const change = { clear: secret, keepsPrevious: overlapHours > 0, updatedBy: actor.name };
    const isKept = await replaceWebhookSecret({ step, secretBox }, webhook.id, change);
    const previousSecretUntil = await setPreviousSecretEnd(step, webhook.id, isKept ? overlapHours : 0, actor.name);
    await recordAudit(step, actor, {
      action: 'webhook.secret_rotated',
      objectType: 'webhook',
      objectId: webhook.id,
      details: { previous_secret_until: previousSecretUntil?.toISOString() ?? null },
    });
    return { secret, previousSecretUntil };
  });
  return needDatabase(rotate);
}
