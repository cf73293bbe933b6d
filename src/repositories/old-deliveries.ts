/** Deleting deliveries of webhooks after their time. Each statement takes a bounded bite and may run again at once. */
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/db.ts';

const BATCH = 500;

/** How long deliveries are kept, in days since they ended, or were made where they did not end. */
export interface DeliveryDays {
  readonly delivered: number;
  readonly undelivered: number;
}

/** Those whose time is over, and those whose webhook is gone: only one that was never claimed can outlive it. */
const isOld = ({ delivered, undelivered }: DeliveryDays): RawBuilder<unknown> => sql`
  (state = 'delivered' and changed_at < now() - ${delivered} * interval '1 day')
  or (state in ('pending', 'dead') and changed_at < now() - ${undelivered} * interval '1 day')
  or (state = 'pending' and not exists (select from webhook w where w.id = webhook_id))`;

/** Deletes old deliveries. @returns how many. */
export async function deleteOldDeliveries(db: Db, days: DeliveryDays): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with gone as (delete from webhook_delivery where id in (
      select id from webhook_delivery where ${isOld(days)} limit ${BATCH} for update skip locked
    ) returning 1)
    select count(*)::int as count from gone`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}

/** How many {@link deleteOldDeliveries} would delete. */
export async function countOldDeliveries(db: Db, days: DeliveryDays): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from webhook_delivery where ${isOld(days)}`.execute(db.kysely);
  return rows[0]?.count ?? 0;
}
