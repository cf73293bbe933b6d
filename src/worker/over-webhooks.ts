/** What is over of webhooks: deliveries after their time, and secrets that were replaced. */
import { DELIVERY_DAYS } from '../domain/webhooks.ts';
import { countOldDeliveries, deleteOldDeliveries } from '../repositories/old-deliveries.ts';
import { transaction } from '../repositories/transaction.ts';
import { endSecretOverlaps } from '../repositories/webhooks.ts';
import { deletePreviousSecret } from '../services/webhook/webhook-secret.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';
import { inBites } from './in-bites.ts';

/** Deletes deliveries after their time, and secrets that sign no longer. @returns how many deliveries. */
export async function removeOldDeliveries({ db }: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  if (options.isDryRun) return countOldDeliveries(db, DELIVERY_DAYS);
  await transaction(db, async (step) => {
    for (const webhookId of await endSecretOverlaps(step)) await deletePreviousSecret(step, webhookId);
  });
  return inBites(options, () => deleteOldDeliveries(db, DELIVERY_DAYS));
}
