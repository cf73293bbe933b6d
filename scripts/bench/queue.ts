import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import type { BenchContext, Benchmark, BenchResult, BenchRow } from './benchmark.ts';
import { nextMessage, startChild } from './child.ts';
import { OPEN_JOBS, POOL_SIZE } from './queue-contender.ts';
import { CONTENDERS, type ContenderName, type QueueReport } from './queue-process.ts';
import { median } from './statistics.ts';

const NAMES = Object.keys(CONTENDERS) as ContenderName[];
const OURS: ContenderName = 'ours, claimed with the enqueue';
const GRAPHILE_SHARE_MIN = 0.8;
const PG_BOSS_SHARE_MIN = 1;

/** Whole cycles of a job, beside two queues that people know. */
export const queue: Benchmark = {
  name: 'queue',
  about: 'whole job cycles a second, beside graphile-worker and pg-boss',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const span = context.isQuick ? { warmUpMs: 500, measuredMs: 1_000 } : { warmUpMs: 1_500, measuredMs: 4_000 };
  const server = await startBenchServer({ home: join(context.directory, 'queue') });
  const reports = new Map<ContenderName, QueueReport[]>(NAMES.map((name) => [name, []]));
  try {
    for (let round = 1; round <= context.rounds; round += 1) {
      for (const name of NAMES) {
        context.say(`round ${round}: ${name}`);
        reports.get(name)?.push(await measureOne(server, name, span));
      }
    }
  } finally {
    await server.stop();
  }
  return resultOf(reports);
}

async function measureOne(
  server: BenchServer,
  name: ContenderName,
  span: { warmUpMs: number; measuredMs: number },
): Promise<QueueReport> {
  const { kysely } = server.database.db;
  await sql`create database contender`.execute(kysely);
  await sql`checkpoint`.execute(kysely);
  const url = new URL(server.database.url);
  url.pathname = '/contender';
  const spans = [String(span.warmUpMs), String(span.measuredMs)];
  const child = startChild('scripts/bench/queue-process.ts', [name, url.href, ...spans]);
  try {
    const report = await nextMessage<QueueReport>(child);
    if (report.fault !== undefined) throw new Error(`${name}: ${report.fault}`);
    return report;
  } finally {
    await child.end();
    await sql`drop database contender with (force)`.execute(kysely);
    await delay(200);
  }
}

function resultOf(reports: ReadonlyMap<ContenderName, readonly QueueReport[]>): BenchResult {
  const rates = (name: ContenderName): number[] => (reports.get(name) ?? []).map((report) => report.jobsPerSecond);
  const others = (['graphile-worker', 'pg-boss'] as const).map((name) => ({ name, value: median(rates(name)) }));
  const shareRow = (name: 'graphile-worker' | 'pg-boss', atLeast: number): BenchRow => ({
    name: `ours over ${name}`,
    unit: '×',
    rounds: rates(OURS).map((rate, round) => rate / (rates(name)[round] ?? Number.NaN)),
    bar: { atLeast },
  });
  return {
    title: `queue: no-op jobs, ${OPEN_JOBS} open, ${POOL_SIZE} connections, fsync on, nothing batched`,
    rows: [
      shareRow('graphile-worker', GRAPHILE_SHARE_MIN),
      shareRow('pg-boss', PG_BOSS_SHARE_MIN),
      ...NAMES.map((name) => ({
        name,
        unit: 'jobs/s',
        rounds: rates(name),
        ...(name.startsWith('ours') && { comparedWith: others }),
      })),
    ],
    breakdowns: [
      {
        title: 'CPU time of the process a job, PostgreSQL’s not counted',
        head: ['queue', 'ms'],
        rows: NAMES.map((name) => [
          name,
          median((reports.get(name) ?? []).map((report) => report.cpuMsPerJob)).toFixed(3),
        ]),
      },
    ],
    notes: [
      'A cycle: the job is added, taken, its end is recorded, and that adds the next. Each queue has a fresh database and process.',
      'Ours: job_enqueue and job_succeed with every cap, fence and event; the server claims with the enqueue while it has a free',
      'place, else NOTIFY wakes whoever claims. graphile-worker: its end is recorded when its DELETE has succeeded. pg-boss: send,',
      'fetch and complete in one flow, so that it never waits for a poll.',
    ],
    raw: Object.fromEntries(reports),
  };
}
