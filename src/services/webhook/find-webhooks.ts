import type { Db } from '../../db/db.ts';
import { countUndelivered } from '../../repositories/webhook-deliveries.ts';
import { findWebhook, listWebhooks, type UndeliveredCounts, type Webhook } from '../../repositories/webhooks.ts';
import { needDatabase } from '../database-fault.ts';
import { isWebhookId, noSuchWebhook } from './webhook-faults.ts';

/** A webhook, and what waits for it. */
export type CountedWebhook = Webhook & { readonly undelivered: UndeliveredCounts };

interface Deps {
  readonly db: Db;
}

const NONE: UndeliveredCounts = { pending: 0, dead: 0 };

/** All webhooks, the oldest first. @throws DomainError `queue_unavailable`. */
export const findWebhooks = ({ db }: Deps): Promise<CountedWebhook[]> =>
  needDatabase(
    Promise.all([listWebhooks(db), countUndelivered(db)]).then(([webhooks, counts]) =>
      webhooks.map((webhook) => ({ ...webhook, undelivered: counts.get(webhook.id) ?? NONE })),
    ),
  );

/** One webhook. @throws DomainError `not_found`, `queue_unavailable`. */
export async function getWebhook({ db }: Deps, id: string): Promise<CountedWebhook> {
  if (!isWebhookId(id)) throw noSuchWebhook();
  const [webhook, counts] = await needDatabase(Promise.all([findWebhook(db, id), countUndelivered(db)]));
  if (webhook === undefined) throw noSuchWebhook();
  return { ...webhook, undelivered: counts.get(webhook.id) ?? NONE };
}
