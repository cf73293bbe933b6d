/** What is, or was, to be told to each webhook. The deliveries of jobs are made by a trigger. */
import { type Expression, type SqlBool, sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { DeliveryState, DeliveryType } from '../domain/webhooks.ts';
import type { PageOf } from './audit-list.ts';
import type { Step } from './transaction.ts';
import type { UndeliveredCounts } from './webhooks.ts';

/** A delivery as its row tells it. */
export interface WebhookDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly type: DeliveryType;
  /** Null for a test. */
  readonly jobId: string | null;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly dueAt: Date;
  readonly lastAttemptAt: Date | null;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  /** When the state last changed. */
  readonly changedAt: Date;
}

/** How a try ended. */
export interface TryOutcome {
  readonly status: number | null;
  readonly error: string | null;
}

const COLUMNS = [
  'id',
  'webhook_id as webhookId',
  'type',
  'job_id as jobId',
  'state',
  'attempts',
  'due_at as dueAt',
  'last_attempt_at as lastAttemptAt',
  'last_status as lastStatus',
  'last_error as lastError',
  'created_at as createdAt',
  'changed_at as changedAt',
] as const;

const NOW = sql<Date>`clock_timestamp()`;

/** A page of a webhook's deliveries, newest first, and how many there are. */
export async function listDeliveries(
  db: Step,
  webhookId: string,
  state: DeliveryState | undefined,
  { offset, limit }: PageOf,
): Promise<{ deliveries: WebhookDelivery[]; total: number }> {
  const passing = db.kysely
    .selectFrom('webhook_delivery')
    .where('webhook_id', '=', webhookId)
    .$if(state !== undefined, (query) => query.where('state', '=', state as DeliveryState));
  const [deliveries, { total }] = await Promise.all([
    passing.select(COLUMNS).orderBy('created_at', 'desc').orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    passing.select(sql<number>`count(*)::int`.as('total')).executeTakeFirstOrThrow(),
  ]);
  return { deliveries, total };
}

/** How many deliveries have not arrived, by webhook; one without any is not in it. */
export async function countUndelivered(db: Step): Promise<Map<string, UndeliveredCounts>> {
  const count = (state: DeliveryState) => sql<number>`(count(*) filter (where state = ${state}))::int`;
  const rows = await db.kysely
    .selectFrom('webhook_delivery')
    .select(['webhook_id', count('pending').as('pending'), count('dead').as('dead')])
    .where('state', 'in', ['pending', 'dead'])
    .groupBy('webhook_id')
    .execute();
  return new Map(rows.map(({ webhook_id, pending, dead }) => [webhook_id, { pending, dead }]));
}

/** Makes a test delivery, due at once. */
export const insertTestDelivery = (step: Step, webhookId: string): Promise<WebhookDelivery> =>
  step.kysely
    .insertInto('webhook_delivery')
    .values({ webhook_id: webhookId, type: 'webhook.test', job_id: null })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();

/** Makes a delivery due at once, whatever became of it, for as long as a new one. @returns undefined when there is none. */
export const restartDelivery = (step: Step, webhookId: string, id: string): Promise<WebhookDelivery | undefined> =>
  step.kysely
    .updateTable('webhook_delivery')
    .set({ state: 'pending', due_at: NOW, started_at: NOW, changed_at: NOW })
    .where('id', '=', id)
    .where('webhook_id', '=', webhookId)
    .returning(COLUMNS)
    .executeTakeFirst();

/** A delivery that this process is to try, with all that is told. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly url: string;
  readonly type: DeliveryType;
  /** Counts this try; tells it from later ones. */
  readonly attempts: number;
  /** How long it has been tried, by the database's clock. */
  readonly elapsedMs: number;
  readonly createdAt: Date;
  /** Whether the replaced secret still signs. */
  readonly hasPreviousSecret: boolean;
  /** Null for a test, and where the job's row is gone. */
  readonly job: FinishedJob | null;
}

/** What is told of a job that ended. */
export interface FinishedJob {
  readonly id: string;
  readonly slotId: string;
  /** Who made the picture; of a failure, who had the job last. */
  readonly providerId: string;
  readonly linkNo: number;
  readonly failureReason: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finalizedAt: Date;
  readonly resultMimeType: string | null;
  readonly resultSizeBytes: number | null;
  readonly resultExpiresAt: Date | null;
}

/** What a process can take. */
export interface DeliveryRoom {
  readonly count: number;
  /** The most at once for one webhook: one that is slow leaves room for the others. */
  readonly perWebhook: number;
  /** How many this process is trying now, by webhook. */
  readonly busy: ReadonlyMap<string, number>;
  /** How long nobody else takes what is claimed, unless it ends before. */
  readonly leaseMs: number;
}

/** Prepared once per connection, because every process asks this every second. */
const CLAIM = `
  with busy as (select * from unnest($1::uuid[], $2::int[]) b (webhook_id, n)),
  due as materialized (
    select d.id, d.job_id, w.url, coalesce(w.previous_secret_until > now(), false) as has_previous_secret
    from webhook w left join busy b on b.webhook_id = w.id
    cross join lateral (
      select id, job_id, due_at from webhook_delivery
      where webhook_id = w.id and state = 'pending' and due_at <= now()
      order by due_at limit greatest(0, $3::int - coalesce(b.n, 0)) for update skip locked
    ) d
    where w.is_enabled order by d.due_at limit $4
  )
  update webhook_delivery d set attempts = d.attempts + 1, last_attempt_at = clock_timestamp(),
    due_at = clock_timestamp() + $5::float8 * interval '1 millisecond'
  from due left join job j on j.id = due.job_id
  where d.id = due.id
  returning d.id, d.webhook_id as "webhookId", due.url, d.type, d.attempts, d.created_at as "createdAt",
    extract(epoch from clock_timestamp() - d.started_at)::float8 * 1000 as "elapsedMs",
    due.has_previous_secret as "hasPreviousSecret", j.id as "jobId", j.slot_id as "slotId",
    coalesce(j.result_provider_id, j.provider_id) as "providerId", j.link_no as "linkNo", j.failure_reason as "failureReason",
    j.created_at as "jobCreatedAt", j.started_at as "startedAt", j.finalized_at as "finalizedAt",
    j.result_mime_type as "resultMimeType", j.result_size_bytes as "resultSizeBytes", j.result_expires_at as "resultExpiresAt"`;

/** Claims deliveries that are due, the longest due first. Never waits for what another process claims at the same time. */
export async function claimDeliveries(db: Db, room: DeliveryRoom): Promise<ClaimedDelivery[]> {
  const { count, perWebhook, busy, leaseMs } = room;
  const values = [[...busy.keys()], [...busy.values()], perWebhook, count, leaseMs];
  return (await runNamed<ClaimedRow>(db, { name: 'webhook_claim', text: CLAIM, values })).map(fromRow);
}

/** A claimed delivery with its job's columns, all null where there is none. */
type ClaimedRow = Omit<ClaimedDelivery, 'job'> &
  Omit<FinishedJob, 'id' | 'createdAt'> & { readonly jobId: string | null; readonly jobCreatedAt: Date };

function fromRow({ jobId, jobCreatedAt, ...row }: ClaimedRow): ClaimedDelivery {
  const { slotId, providerId, linkNo, failureReason, startedAt, finalizedAt, ...others } = row;
  const { resultMimeType, resultSizeBytes, resultExpiresAt, ...delivery } = others;
  const result = { resultMimeType, resultSizeBytes, resultExpiresAt };
  const facts = { slotId, providerId, linkNo, failureReason, startedAt, finalizedAt, ...result };
  return { ...delivery, job: jobId === null ? null : { id: jobId, createdAt: jobCreatedAt, ...facts } };
}

/** A try, by what tells it from every other one. */
export type ClaimedTry = Pick<ClaimedDelivery, 'id' | 'attempts'>;

/** What a try came to, where it is still the last one. @returns whether it was. */
const endTry = async (
  db: Step,
  { id, attempts }: ClaimedTry,
  { status, error }: TryOutcome,
  change: { state?: 'delivered' | 'dead'; changed_at?: typeof NOW; due_at?: Expression<Date> },
): Promise<boolean> => {
  const isLast = sql<SqlBool>`state = 'pending' and attempts = ${attempts}`;
  const result = await db.kysely
    .updateTable('webhook_delivery')
    .set({ ...change, last_status: status, last_error: error })
    .where('id', '=', id)
    .where(isLast)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
};

/** The delivery arrived, or is given up. */
export const endDelivery = (db: Step, claimed: ClaimedTry, state: 'delivered' | 'dead', outcome: TryOutcome) =>
  endTry(db, claimed, outcome, { state, changed_at: NOW });

/** The delivery is tried again in `waitMs`. */
export const postponeDelivery = (db: Step, claimed: ClaimedTry, waitMs: number, outcome: TryOutcome) =>
  endTry(db, claimed, outcome, { due_at: sql<Date>`clock_timestamp() + ${waitMs} * interval '1 millisecond'` });

/** Lets any process try again at once what this one was interrupted at. */
export async function releaseDelivery(db: Step, { id, attempts }: ClaimedTry): Promise<void> {
  await db.kysely
    .updateTable('webhook_delivery')
    .set({ due_at: NOW })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .where('attempts', '=', attempts)
    .execute();
}
