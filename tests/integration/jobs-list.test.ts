import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedMillionJobs } from '../../scripts/bench/million-jobs.ts';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { type JobDesk, type Json, openJobDesk } from '../support/jobs.ts';
import { claim, closeWindow, newJob, setLane } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let desk: JobDesk;
/** Every job, as the rows say. */
let rows: Row[];

interface Row {
  readonly id: string;
  readonly status: string;
  readonly is_finalized: boolean;
  readonly failure_reason: string | null;
  readonly slot_id: string;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** More than a list reads in one way; later pages are read in another. */
const FINISHED = 1_100;

beforeAll(async () => {
  server = await startTestServer({ environment: { ROLE: 'api' } });
  desk = await openJobDesk(server);
  await seedMillionJobs(server.db, { count: FINISHED });
  // many of the same time, so that the order of the ids counts
  await server.db.pool.query(`set session_replication_role = replica;
    update job set created_at = date_trunc('day', created_at), expires_at = date_trunc('week', expires_at) + interval '60 days';
    reset session_replication_role`);
  await setLane(server.db, { id: 'nobody' });
  for (let index = 0; index < 12; index += 1)
    await enqueueJob(server.db, newJob({ providerId: 'nobody', slotId: `slot-00${(index % 3) + 1}` }));
  await claim(server.db, { providerId: 'nobody', count: 5 });
  rows = (await server.db.pool.query('select * from job')).rows;
});
afterAll(async () => {
  for (const { id, is_finalized: isFinal } of rows) if (!isFinal) await closeWindow(server.db, id);
  await server.stop();
});

type Query = Record<string, string>;
const list = (query: Query): Promise<Json> => desk.read(`/jobs?${new URLSearchParams(query)}`);

/** The ids that a list has to show, by comparing every row. */
function expected(query: Query): string[] {
  const sortBy = (query.sort_by ?? 'expires_at') as 'created_at' | 'expires_at';
  const sign = query.sort_order === 'desc' ? -1 : 1;
  return rows
    .filter((row) =>
      (['status', 'slot_id', 'failure_reason', 'is_finalized'] as const).every(
        (name) => query[name] === undefined || String(row[name]) === query[name],
      ),
    )
    .sort((one, other) => sign * (one[sortBy].getTime() - other[sortBy].getTime() || (one.id < other.id ? -1 : 1)))
    .map(({ id }) => id);
}

const choices = (name: string, values: readonly string[]): Query[] => [
  {},
  ...values.map((value) => ({ [name]: value })),
];

const FILTERS = choices('status', ['pending', 'processing']).flatMap((status) =>
  choices('is_finalized', ['true', 'false']).flatMap((isFinalized) =>
    choices('failure_reason', ['timeout', 'provider_error', 'cancelled']).flatMap((reason) =>
      choices('slot_id', ['slot-002']).map((slot) => ({ ...status, ...isFinalized, ...reason, ...slot })),
    ),
  ),
);

describe('a list of jobs', () => {
  it.each(['created_at', 'expires_at'])(
    'shows for every filter just what fits, by %s, upwards and downwards',
    async (sort_by) => {
      for (const filter of FILTERS) {
        for (const sort_order of ['asc', 'desc']) {
          const query = { ...filter, sort_by, sort_order };
          const { data, meta } = await list({ ...query, page_size: '100' });
          const ids = expected(query);
          expect(
            data.map(({ job }: Json) => job.id),
            JSON.stringify(query),
          ).toEqual(ids.slice(0, 100));
          expect(meta, JSON.stringify(query)).toEqual({ page: 1, page_size: 100, total: ids.length });
        }
      }
    },
  );

  it('has every job on exactly one of its pages, whatever their size, and nothing behind the last', async () => {
    for (const pageSize of [17, 100]) {
      const ids: string[] = [];
      for (let page = 1; ids.length < rows.length; page += 1) {
        const { data } = await list({ page: String(page), page_size: String(pageSize) });
        expect(data.length).toBeGreaterThan(0);
        ids.push(...data.map(({ job }: Json) => job.id));
      }
      expect(ids).toEqual(expected({}));
      const behind = await list({ page: String(Math.ceil(ids.length / pageSize) + 1), page_size: String(pageSize) });
      expect(behind).toMatchObject({ data: [], meta: { total: rows.length } });
    }
  });

  it('is sorted by the end of the window and has 20 entries unless it is asked for something else', async () => {
    const { data, meta } = await list({});
    expect(data.map(({ job }: Json) => job.id)).toEqual(expected({}).slice(0, 20));
    expect(meta).toEqual({ page: 1, page_size: 20, total: rows.length });
  });

  it('shows no metadata; the job itself does', async () => {
    const { data } = await list({ is_finalized: 'true', page_size: '1' });
    expect(data[0].job).not.toHaveProperty('metadata');
    expect((await desk.read(`/jobs/${data[0].job.id}`)).job.metadata).toMatchObject({ model: 'Windows' });
  });

  it('tells of an unfinished job how long it has waited and what is left', async () => {
    const { data } = await list({ is_finalized: 'false', status: 'processing', page_size: '1' });
    const [{ deadline, metrics, job }] = data;
    expect(deadline).toEqual({ expires_at: job.expires_at, remaining_ms: expect.any(Number), is_expired: false });
    expect(deadline.remaining_ms).toBeGreaterThan(0);
    expect(metrics.queue_wait_ms).toBe(Date.parse(job.started_at) - Date.parse(job.created_at));
    expect(metrics.total_elapsed_ms).toBeGreaterThanOrEqual(metrics.queue_wait_ms);
  });
});
