/** Who wants to be told of finished photos. Their secrets are among all secrets. */
import { type Selectable, sql } from 'kysely';
import type { WebhookTable } from '../db/webhook-tables.ts';
import type { WebhookEvent } from '../domain/webhooks.ts';
import type { Step } from './transaction.ts';

/** A webhook. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly isEnabled: boolean;
  readonly events: readonly WebhookEvent[];
  /** Null: of all slots. */
  readonly slotIds: readonly string[] | null;
  /** Until when the secret that was replaced last goes on signing; null where there is none. */
  readonly previousSecretUntil: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** What administrators set of a webhook. */
export type WebhookSettings = Pick<Webhook, 'url' | 'isEnabled' | 'events' | 'slotIds'>;

/** How many deliveries of a webhook have not arrived. */
export interface UndeliveredCounts {
  readonly pending: number;
  readonly dead: number;
}

/** Lets additions of webhooks go one after the other until the transaction ends. */
export async function lockWebhooks(step: Step): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('photochanger:webhooks'))`.execute(step.kysely);
}

/** All webhooks, the oldest first. */
export async function listWebhooks(db: Step): Promise<Webhook[]> {
  const rows = await db.kysely.selectFrom('webhook').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(fromRow);
}

/** One webhook, by its id (a UUID). @param options `locks`: nobody else changes or deletes it until the transaction ends. */
export async function findWebhook(
  db: Step,
  id: string,
  options: { readonly locks?: boolean } = {},
): Promise<Webhook | undefined> {
  const row = await db.kysely
    .selectFrom('webhook')
    .selectAll()
    .where('id', '=', id)
    .$if(options.locks === true, (query) => query.forUpdate())
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Adds a webhook. */
export async function insertWebhook(step: Step, settings: WebhookSettings, actorName: string): Promise<Webhook> {
  const row = await step.kysely
    .insertInto('webhook')
    .values({ ...toRow(settings), created_by: actorName, updated_by: actorName })
    .returningAll()
    .executeTakeFirstOrThrow();
  return fromRow(row);
}

/** Changes what is given. @returns the webhook as it is now; undefined when there is none. */
export async function updateWebhook(
  step: Step,
  id: string,
  changes: Partial<WebhookSettings>,
  actorName: string,
): Promise<Webhook | undefined> {
  const row = await step.kysely
    .updateTable('webhook')
    .set({ ...toRow(changes), updated_by: actorName, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Switches a webhook off, if it is on and still calls this URL. @returns whether it was. */
export async function disableWebhook(step: Step, id: string, url: string, actorName: string): Promise<boolean> {
  const result = await step.kysely
    .updateTable('webhook')
    .set({ is_enabled: false, updated_by: actorName, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('url', '=', url)
    .where('is_enabled', '=', true)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Says until when the replaced secret goes on signing, `hours` from now; 0: not at all. @returns until when. */
export async function setPreviousSecretEnd(
  step: Step,
  id: string,
  hours: number,
  actorName: string,
): Promise<Date | null> {
  const until = hours === 0 ? null : sql<Date>`clock_timestamp() + ${hours} * interval '1 hour'`;
  const row = await step.kysely
    .updateTable('webhook')
    .set({ previous_secret_until: until, updated_by: actorName, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returning('previous_secret_until')
    .executeTakeFirstOrThrow();
  return row.previous_secret_until;
}

/** Deletes a webhook with its deliveries. @returns whether there was one. */
export async function deleteWebhook(step: Step, id: string): Promise<boolean> {
  const result = await step.kysely.deleteFrom('webhook').where('id', '=', id).executeTakeFirst();
  await step.kysely.deleteFrom('webhook_delivery').where('webhook_id', '=', id).execute();
  return result.numDeletedRows === 1n;
}

/** The webhooks whose replaced secret no longer signs, so that it can go. */
export async function endSecretOverlaps(step: Step): Promise<string[]> {
  const rows = await step.kysely
    .updateTable('webhook')
    .set({ previous_secret_until: null })
    .where('previous_secret_until', '<=', sql<Date>`clock_timestamp()`)
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

const fromRow = (row: Selectable<WebhookTable>): Webhook => ({
  id: row.id,
  url: row.url,
  isEnabled: row.is_enabled,
  events: row.events,
  slotIds: row.slot_ids,
  previousSecretUntil: row.previous_secret_until,
  createdAt: row.created_at,
  createdBy: row.created_by,
  updatedAt: row.updated_at,
  updatedBy: row.updated_by,
});

/** Only what is given. */
const toRow = <Given extends Partial<WebhookSettings>>({ url, isEnabled, events, slotIds }: Given) =>
  ({
    ...(url !== undefined && { url }),
    ...(isEnabled !== undefined && { is_enabled: isEnabled }),
    ...(events !== undefined && { events: [...events] }),
    ...(slotIds !== undefined && { slot_ids: slotIds && [...slotIds] }),
  }) as { url: string; is_enabled: boolean; events: WebhookEvent[]; slot_ids: string[] | null };
