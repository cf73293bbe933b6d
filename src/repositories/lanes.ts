import { sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { Step } from './transaction.ts';

/** The limits of one provider, over all processes. */
export interface LaneLimits {
  readonly providerId: string;
  readonly runningMax: number;
  readonly openMax: number | null;
  readonly callsPerMinute: number | null;
}

/** Creates the lanes of providers that have none yet; limits that were changed since stay as they are. */
export async function seedLanes(db: Step, lanes: readonly LaneLimits[]): Promise<void> {
  await db.kysely
    .insertInto('lane')
    .values(lanes.map((lane) => ({ ...toRow(lane), calls_burst: burstOf(lane), tokens: burstOf(lane) })))
    .onConflict((conflict) => conflict.column('provider_id').doNothing())
    .execute();
}

/** The limits of every provider that has a lane. */
export async function listLanes(db: Step): Promise<LaneLimits[]> {
  const rows = await db.kysely
    .selectFrom('lane')
    .select(['provider_id', 'running_max', 'open_max', 'calls_per_minute'])
    .orderBy('provider_id')
    .execute();
  return rows.map((row) => ({
    providerId: row.provider_id,
    runningMax: row.running_max,
    openMax: row.open_max,
    callsPerMinute: row.calls_per_minute,
  }));
}

/** Changes a provider's limits; they hold from the next call on. @returns whether the lane exists. */
export async function updateLane(db: Step, lane: LaneLimits): Promise<boolean> {
  const result = await db.kysely
    .updateTable('lane')
    .set({ ...toRow(lane), calls_burst: burstOf(lane), tokens: sql`least(tokens, ${burstOf(lane)})` })
    .where('provider_id', '=', lane.providerId)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

const toRow = (lane: LaneLimits) => ({
  provider_id: lane.providerId,
  running_max: lane.runningMax,
  open_max: lane.openMax,
  calls_per_minute: lane.callsPerMinute,
});

// a twelfth of a minute's calls: enough for a group of guests, too little to trip the service's own limiter
const burstOf = (lane: LaneLimits): number => Math.max(1, Math.ceil((lane.callsPerMinute ?? 120) / 12));

/** The providers with work waiting and room for it, for the fallback poll of all lanes at once. */
export async function lanesWithWork(db: Db): Promise<string[]> {
  const rows = await runNamed<{ provider_id: string }>(db, {
    name: 'lanes_with_work',
    // a lateral look at one row each: as a semi-join the planner may read every pending row of a table it never analysed
    text: `select l.provider_id from lane l
      cross join lateral (select from job j where j.provider_id = l.provider_id and j.status = 'pending' and not j.is_finalized limit 1) waiting
      where l.running_max > (select count(*) from job p where p.provider_id = l.provider_id and p.status = 'processing' and not p.is_finalized)`,
    values: [],
  });
  return rows.map((row) => row.provider_id);
}
