import { join } from 'node:path';
import { sql } from 'kysely';
import type { Db } from '../../src/db/db.ts';
import { createKysely, createPool } from '../../src/db/pool.ts';
import { countJobs } from '../../src/repositories/job-counts.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import { benchToken } from './bench-token.ts';
import type { BenchContext, Benchmark, BenchResult, BenchRow } from './benchmark.ts';
import { seedMillionJobs } from './million-jobs.ts';
import { median, percentile } from './statistics.ts';

const DAY_MS = 86_400_000;
const BITE_HOURS = 6;
const BAR_MS = 50;

/** Statistics over a table of a million jobs, and what it costs to count its hours. */
export const statistics: Benchmark = {
  name: 'statistics',
  about: 'statistics and counts over a million jobs of 60 days',
  run,
};

const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

/** The addresses below `/api/stats/`; the longest ranges begin and end within hours, which are read from the rows. */
const QUESTIONS: Readonly<Record<string, () => string>> = {
  'a slot, 14 days by day (default)': () => 'slot-003',
  'a slot, 31 days by hour': () => `slot-003?group_by=hour&from=${daysAgo(30.99)}&to=${daysAgo(0)}`,
  'all slots, 8 weeks by week (default)': () => 'global',
  'all slots, 90 days by day': () => `global?group_by=day&from=${daysAgo(89.99)}&to=${daysAgo(0)}`,
  'all slots, 90 days by day, as CSV': () => `global?group_by=day&from=${daysAgo(89.99)}&to=${daysAgo(0)}&format=csv`,
  'one provider, 8 weeks by week': () => 'global?provider_id=gemini',
  'one slot and provider, 90 days by day': () =>
    `global?group_by=day&slot_id=slot-003&provider_id=studio&from=${daysAgo(89.99)}&to=${daysAgo(0)}`,
};

/** How long each answer took, by question, in milliseconds. */
type Answers = ReadonlyMap<string, number[][]>;

async function run(context: BenchContext): Promise<BenchResult> {
  const count = context.isQuick ? 50_000 : 1_000_000;
  const server = await startBenchServer({ home: join(context.directory, 'statistics') });
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
    await seedMillionJobs(db, { count });
    context.say('their hours are counted');
    const catchUp = await countHours(db, BITE_HOURS);
    await sql`select tally_unroll(hour_of(now() - interval '48 hours'))`.execute(db.kysely);
    const hours = await countHours(db, 1);
    const headers = await benchToken(server, ['stats:read']);
    const answers = await askAll(context, server, headers);
    const counts = await timeCounts(context, db);
    return resultOf({ count, catchUp, hours, answers, counts });
  } finally {
    await pool.end();
    await server.stop();
  }
}

/** Counts all there is to count. @returns how long each bite took, in milliseconds. */
async function countHours(db: Db, hours: number): Promise<number[]> {
  const bites: number[] = [];
  for (;;) {
    const startedAt = performance.now();
    const outcome = await rollTallies(db, hours);
    if (outcome === 'done') return bites;
    if (outcome === 'rolled') bites.push(performance.now() - startedAt);
  }
}

async function askAll(context: BenchContext, server: BenchServer, headers: Record<string, string>): Promise<Answers> {
  const answers = new Map(Object.keys(QUESTIONS).map((name): [string, number[][]] => [name, []]));
  const times = context.isQuick ? 5 : 40;
  for (let round = 1; round <= context.rounds; round += 1) {
    context.say(`round ${round}: each of ${QUESTIONS_ASKED} questions ${times} times`);
    for (const [name, address] of Object.entries(QUESTIONS)) {
      const taken: number[] = [];
      for (let time = 0; time < times; time += 1) {
        const startedAt = performance.now();
        const answer = await fetch(`${server.url}/api/stats/${address()}`, { headers });
        const text = await answer.text();
        if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${text}`);
        taken.push(performance.now() - startedAt);
      }
      answers.get(name)?.push(taken);
    }
  }
  return answers;
}

const QUESTIONS_ASKED = Object.keys(QUESTIONS).length;

/** @returns medians of a round's counts of all jobs, in milliseconds. */
async function timeCounts(context: BenchContext, db: Db): Promise<number[]> {
  const medians: number[] = [];
  for (let round = 1; round <= context.rounds; round += 1) {
    const taken: number[] = [];
    for (let time = 0; time < 40; time += 1) {
      const startedAt = performance.now();
      await countJobs(db);
      taken.push(performance.now() - startedAt);
    }
    medians.push(median(taken));
  }
  return medians;
}

interface Measured {
  readonly count: number;
  readonly catchUp: readonly number[];
  readonly hours: readonly number[];
  readonly answers: Answers;
  readonly counts: readonly number[];
}

function resultOf({ count, catchUp, hours, answers, counts }: Measured): BenchResult {
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  const jobsPerHour = count / (60 * 24);
  const answerRows = [...answers].map(
    ([name, rounds]): BenchRow => ({
      name,
      unit: 'ms',
      rounds: rounds.map((taken) => percentile(taken, 0.95)),
      bar: { atMost: BAR_MS },
    }),
  );
  return {
    title: `statistics: ${count} jobs of 60 days, over HTTP, 95th percentiles`,
    rows: [
      ...answerRows,
      { name: 'the number of all jobs (median, without HTTP)', unit: 'ms', rounds: counts },
      { name: 'counting all hours for the first time', unit: 's', rounds: [total(catchUp) / 1000] },
      { name: `counting one hour of ${Math.round(jobsPerHour)} jobs`, unit: 'ms', rounds: [median(hours)] },
    ],
    breakdowns: [
      {
        title: 'medians over HTTP',
        head: ['question', 'ms'],
        rows: [...answers].map(([name, rounds]) => [name, median(rounds.flat()).toFixed(1)]),
      },
    ],
    notes: [
      'One request at a time, token checked, on a connection that is kept. The hours are counted beforehand, as the server does at',
      `its start and every five minutes; the last hour or two are read from the rows. Bites of ${BITE_HOURS} hours, the longest ${Math.round(Math.max(...catchUp))} ms.`,
    ],
    raw: { catchUp, hours, answers: Object.fromEntries(answers), counts },
  };
}
