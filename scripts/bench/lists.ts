import { join } from 'node:path';
import type { Db } from '../../src/db/db.ts';
import { createKysely, createPool } from '../../src/db/pool.ts';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { newJobId } from '../../src/services/job/job-id.ts';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import { benchToken } from './bench-token.ts';
import type { BenchContext, Benchmark, BenchResult, BenchRow } from './benchmark.ts';
import { jobTableBytes, seedMillionJobs } from './million-jobs.ts';
import { median, percentile } from './statistics.ts';

const BAR_MS = 10;
/** Unfinished jobs beside the finished ones, as on a busy evening. */
const OPEN_JOBS = 40;
const SLOTS = 15;

/** Pages of jobs and results out of a table of a million jobs. */
export const lists: Benchmark = {
  name: 'lists',
  about: 'pages of jobs and results out of a million jobs, for every filter and order',
  run,
};

const choices = (name: string, values: readonly string[]): string[] => [
  '',
  ...values.map((value) => `&${name}=${value}`),
];

/** First pages of 20 for every filter and order that the contract knows. */
const EVERY_LIST = choices('status', ['pending', 'processing']).flatMap((status) =>
  choices('is_finalized', ['true', 'false']).flatMap((finalized) =>
    choices('failure_reason', ['timeout', 'provider_error', 'cancelled']).flatMap((reason) =>
      choices('slot_id', ['slot-003']).flatMap((slot) =>
        ['created_at', 'expires_at'].flatMap((sortBy) =>
          ['asc', 'desc'].map(
            (order) => `jobs?sort_by=${sortBy}&sort_order=${order}${status}${finalized}${reason}${slot}`,
          ),
        ),
      ),
    ),
  ),
);

/** Other questions, by name; those of `deep` have no bar. */
const questionsAbout = (jobId: string): Readonly<Record<string, string>> => ({
  'jobs, as the list opens': 'jobs',
  'jobs, 100 a page, newest first': 'jobs?page_size=100&sort_by=created_at&sort_order=desc',
  'one job': `jobs/${jobId}`,
  'its events': `jobs/${jobId}/events`,
  'results of a slot': 'slots/slot-003/results',
});
const DEEP: Readonly<Record<string, string>> = {
  'jobs, the 25,000th page': 'jobs?page=25000&sort_by=created_at',
  'jobs, the last page': 'jobs?page=50000&sort_by=created_at',
};

type Times = Map<string, number[]>;

async function run(context: BenchContext): Promise<BenchResult> {
  const count = context.isQuick ? 50_000 : 1_000_000;
  const server = await startBenchServer({ home: join(context.directory, 'lists') });
  const pool = createPool({
    connectionString: server.database.url,
    poolSize: 2,
    applicationName: 'bench',
    statementTimeoutMs: 0,
    onError: () => {},
  });
  const db = { pool, kysely: createKysely(pool) };
  try {
    context.say(`${count} jobs are made`);
    const jobId = await fill(db, count);
    const headers = await benchToken(server, ['stats:read']);
    context.say('every list is asked for, so that nothing is cold');
    await timeAll(server, headers, EVERY_LIST, context.isQuick ? 1 : 3);
    const rounds: { every: Times; named: Times }[] = [];
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(`round ${round}: ${EVERY_LIST.length} lists`);
      const times = context.isQuick ? 3 : 11;
      const every = await timeAll(server, headers, EVERY_LIST, times);
      const named = await timeAll(server, headers, Object.values({ ...questionsAbout(jobId), ...DEEP }), times * 3);
      rounds.push({ every, named });
    }
    return resultOf({ count, jobId, rounds, tableBytes: await jobTableBytes(db) });
  } finally {
    await pool.end();
    await server.stop();
  }
}

/** @returns some finished job. */
async function fill(db: Db, count: number): Promise<string> {
  await seedMillionJobs(db, { count });
  while ((await rollTallies(db, 6)) !== 'done');
  for (let index = 0; index < OPEN_JOBS; index += 1) {
    const id = newJobId(Date.now());
    await enqueueJob(db, {
      id,
      slotId: `slot-${String((index % SLOTS) + 1).padStart(3, '0')}`,
      // there is no such lane, so nobody takes them
      providerId: 'nobody',
      operationId: 'nothing',
      snapshot: { settings: {}, photo: { mimeType: 'image/jpeg', sizeBytes: 1, sha256: 'a'.repeat(64) } },
      metadata: {},
      payloadPath: `payloads/${id}.photo`,
      elapsedMs: 0,
      windowMs: 3_600_000,
      openMax: OPEN_JOBS,
      claimFor: undefined,
    });
  }
  const { rows } = await db.pool.query<{ id: string }>('select id from job where result_file_path is not null limit 1');
  return rows[0]?.id ?? '';
}

/** Asks every question so many times, one after the other, after one time that does not count. */
async function timeAll(
  server: BenchServer,
  headers: Record<string, string>,
  questions: readonly string[],
  times: number,
): Promise<Times> {
  const taken: Times = new Map();
  for (const question of questions) {
    const all: number[] = [];
    for (let time = 0; time <= times; time += 1) {
      const startedAt = performance.now();
      const answer = await fetch(`${server.url}/api/${question}`, { headers });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${question}: ${answer.status} ${text}`);
      all.push(performance.now() - startedAt);
    }
    taken.set(question, all.slice(1));
  }
  return taken;
}

interface Measured {
  readonly count: number;
  readonly jobId: string;
  readonly rounds: readonly { readonly every: Times; readonly named: Times }[];
  readonly tableBytes: number;
}

function resultOf({ count, jobId, rounds, tableBytes }: Measured): BenchResult {
  const medians = rounds.map(({ every }) => [...every.values()].map(median));
  const named = (names: Readonly<Record<string, string>>, bar?: BenchRow['bar']): BenchRow[] =>
    Object.entries(names).map(([name, question]) => ({
      name: `${name}, p95`,
      unit: 'ms',
      rounds: rounds.map((round) => percentile(round.named.get(question) ?? [], 0.95)),
      ...(bar && { bar }),
    }));
  const bar = { atMost: BAR_MS };
  return {
    title: `lists: ${count} jobs of 60 days and ${OPEN_JOBS} unfinished ones, over HTTP`,
    rows: [
      {
        name: 'first pages, the slowest filter and order',
        unit: 'ms',
        rounds: medians.map((all) => Math.max(...all)),
        bar,
      },
      {
        name: 'first pages, p95 of all answers',
        unit: 'ms',
        rounds: rounds.map(({ every }) => percentile([...every.values()].flat(), 0.95)),
        bar,
      },
      {
        name: 'first pages, p50 of all answers',
        unit: 'ms',
        rounds: rounds.map(({ every }) => median([...every.values()].flat())),
        bar,
      },
      ...named(questionsAbout(jobId), bar),
      ...named(DEEP),
    ],
    breakdowns: [
      {
        title: 'the slowest first pages, medians',
        head: ['list', 'ms'],
        rows: slowest(rounds.map(({ every }) => every)),
      },
    ],
    notes: [
      `${EVERY_LIST.length} lists: each status × is_finalized × failure_reason × slot × sort × order, 20 a page, with the exact number of`,
      `all that fit. One request at a time, token checked, after each was asked for before. The jobs take ${Math.round(tableBytes / 1e6)} MB with their indexes.`,
    ],
    raw: rounds.map(({ every, named: others }) => ({
      every: Object.fromEntries(every),
      named: Object.fromEntries(others),
    })),
  };
}

function slowest(rounds: readonly Times[]): string[][] {
  const taken = EVERY_LIST.map((list) => ({ list, ms: median(rounds.flatMap((round) => round.get(list) ?? [])) }));
  return taken
    .sort((one, other) => other.ms - one.ms)
    .slice(0, 8)
    .map(({ list, ms }) => [list.replace('jobs?', ''), ms.toFixed(1)]);
}
