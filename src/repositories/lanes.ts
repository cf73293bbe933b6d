import { sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { Step } from './transaction.ts';

/** The limits of one provider, over all processes. */
export interface LaneLimits {
  readonly providerId: string;
  readonly runningMax: number;
  readonly openMax: number | null;
  readonly callsPerMinute: number | null;
  readonly callsPerDay: number | null;
}

/** A lane as an adapter describes its provider. */
export interface LaneSeed extends LaneLimits {
  /** Whose midnight ends the service's day; an IANA time zone. Default: UTC. */
  readonly quotaZone?: string;
  /** How long a slow but healthy call takes, in milliseconds. Default: 5,000. */
  readonly expectedMs?: number;
}

/**
 * Creates the lanes of providers that have none yet; limits that were changed since stay as they are, what only adapters know is
 * brought up to date. Outside of a transaction it never holds two lanes at once, in whose order photos take them.
 */
export async function seedLanes(db: Step, lanes: readonly LaneSeed[]): Promise<void> {
  const rows = lanes.map((lane) => ({
    ...toRow(lane),
    calls_burst: burstOf(lane),
    tokens: burstOf(lane),
    quota_zone: lane.quotaZone ?? 'UTC',
    expected_ms: lane.expectedMs ?? 5_000,
  }));
  await db.kysely
    .insertInto('lane')
    .values(rows)
    .onConflict((conflict) => conflict.column('provider_id').doNothing())
    .execute();
  for (const { provider_id, quota_zone, expected_ms } of rows)
    await db.kysely
      .updateTable('lane')
      .set({ quota_zone, expected_ms })
      .where('provider_id', '=', provider_id)
      .where((is) => is.or([is('quota_zone', '<>', quota_zone), is('expected_ms', '<>', expected_ms)]))
      .execute();
}

/** Says which key a provider is called with from now on: its standing is that key's. */
export async function setLaneKey(db: Step, providerId: string, keyId: string): Promise<void> {
  await db.kysely
    .updateTable('lane')
    .set({ key_id: keyId })
    .where('provider_id', '=', providerId)
    .where('key_id', '<>', keyId)
    .execute();
}

/** How long the latest calls of a provider took, in milliseconds; null where they were too few to say. */
export interface LanePace {
  readonly providerId: string;
  readonly usualMs: number | null;
  readonly slowMs: number | null;
}

/** Learns from the latest calls, and says what is known. Safe in every process at once. */
export async function learnPaces(db: Db): Promise<LanePace[]> {
  await runNamed(db, { name: 'lane_learn', text: 'select lane_learn()', values: [] });
  const rows = await db.kysely.selectFrom('lane').select(['provider_id', 'usual_ms', 'slow_ms']).execute();
  return rows.map((row) => ({ providerId: row.provider_id, usualMs: row.usual_ms, slowMs: row.slow_ms }));
}

/** Whether a provider can be called now, and if not for how long. */
export interface LaneGate {
  readonly providerId: string;
  /** `probe`: it was down, and one call may find out; `probing`: that call is under way. */
  readonly state: 'ready' | 'probe' | 'probing' | 'paused' | 'down' | 'exhausted';
  readonly waitMs: number;
  readonly reason: string | null;
  /** Calls of the service's day so far; null where they are not counted. */
  readonly dayCalls: number | null;
  readonly usualMs: number | null;
  readonly slowMs: number | null;
}

/** The standing of every provider. */
export async function listGates(db: Step): Promise<LaneGate[]> {
  const { rows } = await sql<{
    provider_id: string;
    state: LaneGate['state'];
    wait_ms: number;
    reason: string | null;
    day_calls: number | null;
    usual_ms: number | null;
    slow_ms: number | null;
  }>`
    select l.provider_id, g.state, g.wait_ms, g.reason, l.usual_ms, l.slow_ms,
      case when l.calls_per_day is not null then case when l.day_ends_at > clock_timestamp() then l.day_calls else 0 end end as day_calls
    from lane l cross join lateral lane_gate(l) g order by l.provider_id`.execute(db.kysely);
  return rows.map((row) => ({
    providerId: row.provider_id,
    state: row.state,
    waitMs: row.wait_ms,
    reason: row.reason,
    dayCalls: row.day_calls,
    usualMs: row.usual_ms,
    slowMs: row.slow_ms,
  }));
}

/** Sends waiting jobs on whose lane is down, or will not get to them in time. @returns how many. Safe in every process at once. */
export async function rerouteJobs(db: Db): Promise<number> {
  const rows = await runNamed(db, { name: 'job_reroute', text: 'select job_reroute()', values: [] });
  return rows.length;
}

/** The limits of every provider that has a lane. */
export async function listLanes(db: Step): Promise<LaneLimits[]> {
  const rows = await db.kysely
    .selectFrom('lane')
    .select(['provider_id', 'running_max', 'open_max', 'calls_per_minute', 'calls_per_day'])
    .orderBy('provider_id')
    .execute();
  return rows.map((row) => ({
    providerId: row.provider_id,
    runningMax: row.running_max,
    openMax: row.open_max,
    callsPerMinute: row.calls_per_minute,
    callsPerDay: row.calls_per_day,
  }));
}

/** Changes a provider's limits; they hold from the next call on. @returns whether the lane exists. */
export async function updateLane(db: Step, lane: LaneLimits): Promise<boolean> {
  // the queue's order of locks: a transaction that changes two lanes would else meet photos that may go to either
  await sql`select from admission where scope = 'all' for no key update`.execute(db.kysely);
  const result = await db.kysely
    .updateTable('lane')
    .set({
      ...toRow(lane),
      calls_burst: burstOf(lane),
      tokens: sql`least(tokens, ${burstOf(lane)})`,
      // without a limit nobody counted: the next photo does
      open_bound: sql`greatest(open_bound, ${lane.openMax ?? 0}::int)`,
    })
    .where('provider_id', '=', lane.providerId)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

const toRow = (lane: LaneLimits) => ({
  provider_id: lane.providerId,
  running_max: lane.runningMax,
  open_max: lane.openMax,
  calls_per_minute: lane.callsPerMinute,
  calls_per_day: lane.callsPerDay,
});

// a twelfth of a minute's calls: enough for a group of guests, too little to trip the service's own limiter
const burstOf = (lane: LaneLimits): number => Math.max(1, Math.ceil((lane.callsPerMinute ?? 120) / 12));

/** The providers with work waiting and room for it, for the fallback poll of all lanes at once. */
export async function lanesWithWork(db: Db): Promise<string[]> {
  const rows = await runNamed<{ provider_id: string }>(db, {
    name: 'lanes_with_work',
    // a lateral look at one row each: as a semi-join the planner may read every pending row of a table it never analysed; and in the
    // order of the index: with 10,000 jobs waiting in one lane it read the whole table for every other one (16 ms, now 0.1)
    text: `select l.provider_id from lane l
      cross join lateral (select from job j where j.provider_id = l.provider_id and j.status = 'pending' and not j.is_finalized
        order by j.slot_id, j.created_at, j.id limit 1) waiting
      where l.running_max > (select count(*) from job p where p.provider_id = l.provider_id and p.status = 'processing' and not p.is_finalized)`,
    values: [],
  });
  return rows.map((row) => row.provider_id);
}
