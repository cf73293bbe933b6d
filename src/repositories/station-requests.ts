/** The last requests each slot received, for the station inspector. */
import { sql } from 'kysely';
import type { EndedRequest, PasswordFinding } from '../domain/station-request.ts';
import type { Step } from './transaction.ts';

/** A request that has ended, and how long ago it began, in milliseconds. */
export interface AgedRequest extends EndedRequest {
  readonly ageMs: number;
}

/**
 * Keeps requests. One without the right password takes the place of the earlier one of the same slot, client and code; the rows
 * are written in the order of that key, so that two servers never wait for each other.
 *
 * @param requests at most one of each such key.
 */
export async function keepStationRequests(db: Step, requests: readonly AgedRequest[]): Promise<void> {
  const column = <Value>(value: (request: AgedRequest) => Value): Value[] => requests.map(value);
  await sql`
    insert into station_request (slot_id, received_at, client, password, count, status, code, message, job_id, duration_ms, arrived)
    select slot_id, clock_timestamp() - age_ms * interval '1 millisecond', client, password, count, status, code, message, job_id,
      duration_ms, arrived::jsonb
    from unnest(
      ${column((request) => request.slotId)}::text[], ${column((request) => request.ageMs)}::float8[],
      ${column((request) => request.client)}::text[], ${column((request) => request.password)}::text[],
      ${column((request) => request.count)}::int[], ${column((request) => request.status)}::int[],
      ${column((request) => request.code)}::text[], ${column((request) => request.message)}::text[],
      ${column((request) => request.jobId)}::uuid[], ${column((request) => request.durationMs)}::int[],
      ${column((request) => request.arrived)}::text[]
    ) as r (slot_id, age_ms, client, password, count, status, code, message, job_id, duration_ms, arrived)
    order by slot_id, client, code
    on conflict (slot_id, client, code) where password <> 'right' do update set
      received_at = excluded.received_at, password = excluded.password, count = station_request.count + excluded.count,
      status = excluded.status, message = excluded.message, job_id = excluded.job_id, duration_ms = excluded.duration_ms,
      arrived = excluded.arrived`.execute(db.kysely);
}

/** How many requests of a slot are kept, and how many of them may be without the right password. */
export interface RequestLimits {
  readonly requestsMax: number;
  readonly unprovedMax: number;
}

/** Forgets the oldest requests of the slots beyond the limits. Rows that another server is working on are left to it. */
export async function pruneStationRequests(
  db: Step,
  slotIds: readonly string[],
  { requestsMax, unprovedMax }: RequestLimits,
): Promise<void> {
  await sql`
    with kind as (
      select id, slot_id, received_at, password = 'right' as is_proved,
        row_number() over (partition by slot_id, password = 'right' order by received_at desc, id desc) as place
      from station_request where slot_id = any (${slotIds}::text[])
    ), kept as (
      select id, row_number() over (partition by slot_id order by received_at desc, id desc) as place
      from kind where is_proved or place <= ${unprovedMax}
    ), gone as (
      select id from station_request
      where slot_id = any (${slotIds}::text[]) and id not in (select id from kept where place <= ${requestsMax})
      for update skip locked
    )
    delete from station_request where id in (select id from gone)`.execute(db.kysely);
}

/** A request as it is listed. */
export interface StationRequest {
  readonly receivedAt: Date;
  readonly client: string;
  readonly password: PasswordFinding;
  readonly count: number;
  readonly status: number | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly jobId: string | null;
  readonly durationMs: number;
  readonly arrived: Readonly<Record<string, unknown>>;
}

/** The newest requests of a slot, newest first. */
export async function listStationRequests(db: Step, slotId: string, limit: number): Promise<StationRequest[]> {
  const rows = await db.kysely
    .selectFrom('station_request')
    .select([
      'received_at',
      'client',
      'password',
      'count',
      'status',
      'code',
      'message',
      'job_id',
      'duration_ms',
      'arrived',
    ])
    .where('slot_id', '=', slotId)
    .orderBy('received_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    receivedAt: row.received_at,
    client: row.client,
    password: row.password,
    count: row.count,
    status: row.status,
    code: row.code,
    message: row.message,
    jobId: row.job_id,
    durationMs: row.duration_ms,
    arrived: row.arrived,
  }));
}
