import { join } from 'node:path';
import type { Db } from '../../src/db/db.ts';
import { createKysely, createPool } from '../../src/db/pool.ts';
import { readTodaysCalls, rollCalls } from '../../src/repositories/ledger.ts';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import { benchToken } from './bench-token.ts';
import type { BenchContext, Benchmark, BenchResult, BenchRow } from './benchmark.ts';
import { seedMillionCalls } from './million-calls.ts';
import { median, percentile } from './statistics.ts';

const DAY_MS = 86_400_000;
const DAYS = 400;
const BITE_DAYS = 7;
const BAR_MS = 50;

/** What calls cost, out of a ledger of a million calls. */
export const ledger: Benchmark = {
  name: 'ledger',
  about: 'what calls cost, out of a million calls of 400 days',
  run,
};

const date = (daysAgo: number): string => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);
const WHOLE = `from=${date(DAYS - 1)}&to=${date(-1)}`;

/** The addresses below `/api/stats/`. */
const QUESTIONS: Readonly<Record<string, string>> = {
  'a slot, 30 days (default)': 'slot-003/costs',
  'a slot, 400 days': `slot-003/costs?${WHOLE}`,
  'all slots, 30 days (default)': 'costs',
  'all slots, 400 days': `costs?${WHOLE}`,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const count = context.isQuick ? 50_000 : 1_000_000;
  const server = await startBenchServer({ home: join(context.directory, 'ledger') });
  const pool = createPool({
    connectionString: server.database.url,
    poolSize: 2,
    applicationName: 'bench',
    statementTimeoutMs: 0,
    onError: () => {},
  });
  const db = { pool, kysely: createKysely(pool) };
  try {
    context.say(`${count} calls are made`);
    await seedMillionCalls(db, { count, days: DAYS });
    const headers = await benchToken(server, ['stats:read']);
    context.say('asked before any day is counted');
    const uncounted = await ask(server, headers, 'costs', context.isQuick ? 1 : 3);
    context.say('the days are counted');
    const bites = await countDays(db);
    const rounds: Map<string, number[]>[] = [];
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(`round ${round}`);
      const taken = new Map<string, number[]>();
      for (const [name, address] of Object.entries(QUESTIONS))
        taken.set(name, await ask(server, headers, address, context.isQuick ? 5 : 40));
      taken.set(TODAY, await timeToday(db));
      rounds.push(taken);
    }
    return resultOf({ count, uncounted, bites, rounds });
  } finally {
    await pool.end();
    await server.stop();
  }
}

const TODAY = "today's calls, for the metrics (without HTTP)";

/** Counts all there is to count. @returns how long each bite took, in milliseconds. */
async function countDays(db: Db): Promise<number[]> {
  const bites: number[] = [];
  for (;;) {
    const startedAt = performance.now();
    const outcome = await rollCalls(db, BITE_DAYS);
    if (outcome === 'done') return bites;
    if (outcome === 'rolled') bites.push(performance.now() - startedAt);
  }
}

async function ask(server: BenchServer, headers: Record<string, string>, address: string, times: number) {
  const taken: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const startedAt = performance.now();
    const answer = await fetch(`${server.url}/api/stats/${address}`, { headers });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${address}: ${answer.status} ${text}`);
    taken.push(performance.now() - startedAt);
  }
  return taken;
}

async function timeToday(db: Db): Promise<number[]> {
  const taken: number[] = [];
  for (let time = 0; time < 20; time += 1) {
    const startedAt = performance.now();
    await readTodaysCalls(db, 60_000);
    taken.push(performance.now() - startedAt);
  }
  return taken;
}

interface Measured {
  readonly count: number;
  readonly uncounted: readonly number[];
  readonly bites: readonly number[];
  readonly rounds: readonly Map<string, number[]>[];
}

function resultOf({ count, uncounted, bites, rounds }: Measured): BenchResult {
  const of = (name: string) => rounds.map((round) => round.get(name) ?? []);
  const rows = [...Object.keys(QUESTIONS), TODAY].map(
    (name): BenchRow => ({
      name,
      unit: 'ms',
      rounds: of(name).map((taken) => percentile(taken, 0.95)),
      bar: { atMost: BAR_MS },
    }),
  );
  return {
    title: `ledger: ${count} calls of ${DAYS} days, over HTTP, 95th percentiles`,
    rows: [
      ...rows,
      { name: 'all slots, 30 days, before any day is counted (median)', unit: 'ms', rounds: [median(uncounted)] },
      {
        name: 'counting all days for the first time',
        unit: 's',
        rounds: [bites.reduce((sum, bite) => sum + bite, 0) / 1000],
      },
      { name: `counting ${BITE_DAYS} days (median)`, unit: 'ms', rounds: [median(bites)] },
    ],
    breakdowns: [
      {
        title: 'medians',
        head: ['question', 'ms'],
        rows: [...Object.keys(QUESTIONS), TODAY].map((name) => [name, median(of(name).flat()).toFixed(1)]),
      },
    ],
    notes: [
      'One request at a time, token checked, on a connection that is kept. The days are counted beforehand, as the server does at its',
      `start and every five minutes; the last one or two are read from the rows. The longest bite took ${Math.round(Math.max(...bites))} ms.`,
    ],
    raw: { uncounted, bites, rounds: rounds.map((round) => Object.fromEntries(round)) },
  };
}
