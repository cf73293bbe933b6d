import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { GeminiBehaviour } from '../simulators/gemini-behaviour.ts';
import { buildStationRequest, nextShot, sendStationRequest } from '../station.ts';
import { type BenchServer, type BenchServerOptions, PASSWORD, startBenchServer } from './bench-server.ts';
import { startBenchSimulator } from './bench-simulator.ts';
import type { BenchContext, Benchmark, BenchResult, BenchRow } from './benchmark.ts';
import { ask, startChild } from './child.ts';
import type { HoldOrder, HoldReport } from './held-client.ts';
import type { ProbeReading } from './probe.ts';
import { beginCounting, orderStatementCounting, readCounting, type StatementFigures } from './statement-figures.ts';

const WARM_UP_PHOTOS = 60;
const SETTLE_MS = 2_000;
const ACCEPTED_LIMIT_MS = 60_000;
const MEMORY_LEVEL = 5_000;

interface Level {
  readonly count: number;
  readonly hold: HoldReport;
  readonly statements: StatementFigures;
  readonly span: ProbeReading;
  readonly afterCollection: ProbeReading;
}

interface Round {
  readonly before: ProbeReading;
  readonly levels: readonly Level[];
}

/** Thousands of stations that wait for a provider that takes one photo at a time and never answers. */
export const held: Benchmark = {
  name: 'held',
  about: 'what 1,000, 5,000 and 10,000 held requests cost: statements, event loop, memory',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const counts = context.isQuick ? [200, 400] : [1_000, MEMORY_LEVEL, 10_000];
  const windowMs = context.isQuick ? 3_000 : 10_000;
  const home = join(context.directory, 'held');
  const preparing = await startBenchServer({ home });
  await orderStatementCounting(preparing.database.db);
  await preparing.stop();
  const rounds: Round[] = [];
  for (let round = 1; round <= context.rounds; round += 1) {
    context.say(`round ${round}: ${counts.join(', ')} requests, ${windowMs / 1000} s of watching at each`);
    rounds.push(await runRound(context, home, counts, windowMs));
  }
  return resultOf(counts, windowMs, rounds);
}

/** A fresh server and empty tables: what one round leaves must not be another one's memory. */
async function runRound(
  context: BenchContext,
  home: string,
  counts: readonly number[],
  windowMs: number,
): Promise<Round> {
  const photo = await context.pictures.smallPhoto();
  const planned = Array.from({ length: WARM_UP_PHOTOS }, (): GeminiBehaviour => ({ kind: 'success' }));
  const simulator = await startBenchSimulator({ answer: photo, planned, otherwise: { kind: 'hang' } });
  const server = await startBenchServer(serverOptions(home, simulator.url));
  const client = startChild('scripts/bench/held-client.ts', [server.ingestUrl, PASSWORD, photo.path]);
  try {
    const request = buildStationRequest({ url: server.ingestUrl, password: PASSWORD, photo: photo.bytes });
    for (let sent = 0; sent < WARM_UP_PHOTOS; sent += 1)
      await sendStationRequest(nextShot(request), { timeoutMs: 60_000 });
    await delay(SETTLE_MS);
    const before = await server.probe({ probe: 'read', collectGarbage: true });
    const levels: Level[] = [];
    for (const count of counts) {
      const hold = await ask<HoldReport>(client, { count } satisfies HoldOrder);
      if (hold.endedEarly.length > 0) throw new Error(`requests ended early: ${hold.endedEarly.join('; ')}`);
      levels.push({ count, hold, ...(await watch(server, count, windowMs)) });
    }
    return { before, levels };
  } finally {
    await client.end();
    await emptyTables(server);
    await server.stop();
    await simulator.stop();
    await rm(server.config.mediaRoot, { recursive: true, force: true });
  }
}

const serverOptions = (home: string, geminiUrl: string): BenchServerOptions => ({
  home,
  geminiUrl,
  runningMax: 1,
  environment: { T_SYNC_RESPONSE_SECONDS: '600' },
  nodeArguments: ['--expose-gc'],
});

async function watch(
  server: BenchServer,
  count: number,
  windowMs: number,
): Promise<Pick<Level, 'statements' | 'span' | 'afterCollection'>> {
  const { db } = server.database;
  const limitAt = performance.now() + ACCEPTED_LIMIT_MS;
  while ((await countOpen(server)) < count) {
    if (performance.now() > limitAt)
      throw new Error(`only ${await countOpen(server)} of ${count} photos were accepted`);
    await delay(200);
  }
  await delay(SETTLE_MS);
  await server.probe({ probe: 'reset' });
  await beginCounting(db);
  await delay(windowMs);
  const statements = await readCounting(db);
  const span = await server.probe({ probe: 'read' });
  return { statements, span, afterCollection: await server.probe({ probe: 'read', collectGarbage: true }) };
}

async function countOpen({ database }: BenchServer): Promise<number> {
  const { rows } = await sql<{ open: number }>`
    select count(*)::int as open from job where not is_finalized`.execute(database.db.kysely);
  return rows[0]?.open ?? Number.NaN;
}

async function emptyTables({ database }: BenchServer): Promise<void> {
  await sql`truncate job, processing_log`.execute(database.db.kysely);
  await sql`update admission set open_bound = 0`.execute(database.db.kysely);
  await sql`update lane set running_bound = 0, open_bound = 0`.execute(database.db.kysely);
}

function resultOf(counts: readonly number[], windowMs: number, rounds: readonly Round[]): BenchResult {
  const first = rounds[0]?.levels.at(-1)?.statements.statements ?? [];
  return {
    title: 'held requests, 20 kB photos, one job running',
    rows: counts.flatMap((count) => levelRows(count, windowMs, rounds)),
    breakdowns: [
      {
        title: `statements in ${windowMs / 1000} s at ${counts.at(-1)} held, first round`,
        head: ['calls', 'mean ms', 'statement'],
        rows: first.map((one) => [String(one.calls), one.meanMs.toFixed(3), one.text.replaceAll(/\s+/g, ' ')]),
      },
    ],
    notes: [
      'Statements and database time: pg_stat_statements, top level. Event loop: monitorEventLoopDelay of 5 ms in the server’s',
      'process; its own 5 ms are part of the figure. Live memory: heap and buffers after a collection, less those of the same',
      `server after ${WARM_UP_PHOTOS} photos; RSS likewise, as it stands, without a collection.`,
    ],
    raw: rounds,
  };
}

function levelRows(count: number, windowMs: number, rounds: readonly Round[]): BenchRow[] {
  const each = (pick: (level: Level, before: ProbeReading) => number): number[] =>
    rounds.flatMap(({ before, levels }) => {
      const level = levels.find((candidate) => candidate.count === count);
      return level === undefined ? [] : [pick(level, before)];
    });
  const live = (reading: ProbeReading): number => reading.heapUsedBytes + reading.externalBytes;
  const seconds = windowMs / 1000;
  const name = (what: string): string => `${count} held: ${what}`;
  return [
    {
      name: name('statements'),
      unit: '/s',
      rounds: each(({ statements }) => statements.calls / seconds),
      bar: { atMost: 4 },
    },
    {
      name: name('database time'),
      unit: 'ms/s',
      rounds: each(({ statements }) => statements.timeMs / seconds),
      bar: { atMost: 10 },
    },
    {
      name: name('event loop, p99'),
      unit: 'ms',
      rounds: each(({ span }) => span.loopDelayMs.p99),
      bar: { atMost: 10 },
    },
    { name: name('event loop, max'), unit: 'ms', rounds: each(({ span }) => span.loopDelayMs.max) },
    { name: name('server CPU'), unit: 'ms/s', rounds: each(({ span }) => span.cpuMs / (span.elapsedMs / 1000)) },
    {
      name: name('live memory each'),
      unit: 'kB',
      rounds: each(({ afterCollection }, before) => (live(afterCollection) - live(before)) / 1000 / count),
      bar: { atMost: 15 },
    },
    {
      name: name('RSS each'),
      unit: 'kB',
      rounds: each(({ span }, before) => (span.rssBytes - before.rssBytes) / 1000 / count),
      ...(count === MEMORY_LEVEL && { bar: { atMost: 45 } }),
    },
    { name: name('accepted'), unit: '/s', rounds: each(({ hold }) => (hold.uploaded * 1000) / hold.tookMs) },
  ];
}
