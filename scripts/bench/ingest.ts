/** What the three benchmarks of a photo's whole way share: the server, the simulated provider, the station. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { GeminiBehaviour } from '../simulators/gemini-behaviour.ts';
import { buildStationRequest, nextShot, sendStationRequest } from '../station.ts';
import { type BenchServer, PASSWORD, startBenchServer } from './bench-server.ts';
import { type BareCall, createBareCall, MODEL_PATH, startBenchSimulator } from './bench-simulator.ts';
import type { BenchContext } from './benchmark.ts';
import { type Child, nextMessage, startChild } from './child.ts';
import { type PhotoStages, readStages, readWarnings } from './stage-log.ts';

const ANSWER_TIMEOUT_MS = 60_000;
const WARM_UP_PHOTOS = 40;
const LAST_LINES_LIMIT_MS = 5_000;

/** One answered photo. */
export interface Shot {
  readonly status: number;
  readonly jobId: string;
  readonly totalMs: number;
}

/** What the server reported of a span. */
export interface SpanReport {
  readonly stages: readonly PhotoStages[];
  /** CPU time of the server's process, per photo. */
  readonly cpuMsPerPhoto: number;
  readonly loopDelayMsP99: number;
  /** The share of jobs that were claimed by the statement that queued them. */
  readonly fusedShare: number;
  /** What the server complained of, and how often. */
  readonly warnings: Readonly<Record<string, number>>;
}

export interface IngestBench {
  readonly server: BenchServer;
  readonly bare: BareCall;
  /** The same photo through the naive build beside us. @returns the station's wait in milliseconds. */
  shootNaive(): Promise<number>;
  /** Sends the photo as a station does: a connection of its own, `Expect: 100-continue`, the body as fast as it is taken. */
  shoot(): Promise<Shot>;
  /** Forgets what came before. */
  beginSpan(): Promise<void>;
  /** @param shots everything answered in the span. */
  endSpan(shots: readonly Shot[]): Promise<SpanReport>;
  stop(): Promise<void>;
}

/**
 * Starts everything, with a provider that behaves as given, and sends photos until the code is warm.
 *
 * @param environment variables of the server, without prefix.
 */
export async function startIngestBench(
  context: BenchContext,
  name: string,
  behaviour: GeminiBehaviour,
  environment: Readonly<Record<string, string>> = {},
): Promise<IngestBench> {
  const photo = await context.pictures.photo();
  const warmUp = Array.from({ length: WARM_UP_PHOTOS }, (): GeminiBehaviour => ({ kind: 'success' }));
  const simulator = await startBenchSimulator({
    answer: await context.pictures.answer(),
    planned: warmUp,
    otherwise: behaviour,
  });
  const { profileDirectory } = context;
  const server = await startBenchServer({
    home: join(context.directory, name),
    geminiUrl: simulator.url,
    environment,
    nodeArguments: profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`],
  });
  const request = buildStationRequest({ url: server.ingestUrl, password: PASSWORD, photo: photo.bytes });
  const bare = createBareCall(simulator, photo);
  const shoot = async (): Promise<Shot> => {
    const { status, headers, timing } = await sendStationRequest(nextShot(request), { timeoutMs: ANSWER_TIMEOUT_MS });
    return { status, jobId: headers.get('x-job-id') ?? '', totalMs: timing.totalMs };
  };
  const naive = await startNaive(simulator.url, server.config.homePath);
  const naiveRequest = buildStationRequest({ url: naive.url, password: PASSWORD, photo: photo.bytes });
  const shootNaive = async (): Promise<number> => {
    const { status, timing } = await sendStationRequest(naiveRequest, { timeoutMs: ANSWER_TIMEOUT_MS });
    if (status !== 200) throw new Error(`the naive build answered ${status}`);
    return timing.totalMs;
  };
  for (let sent = 0; sent < WARM_UP_PHOTOS; sent += 1) await shoot();
  return {
    server,
    bare,
    shoot,
    shootNaive,
    beginSpan: () => beginSpan(server),
    endSpan: (shots) => endSpan(server, shots),
    async stop() {
      bare.close();
      await naive.child.end();
      await server.stop();
      await simulator.stop();
      await rm(server.config.homePath, { recursive: true, force: true });
    },
  };
}

async function startNaive(simulatorUrl: string, folder: string): Promise<{ child: Child; url: string }> {
  const child = startChild('scripts/bench/naive-server.ts', [simulatorUrl + MODEL_PATH, folder]);
  const { port } = await nextMessage<{ port: number }>(child);
  return { child, url: `http://127.0.0.1:${port}/ingest/slot-001` };
}

/** The results of the span before go, so that neither the disk fills nor its cache is written back in the middle. */
async function beginSpan(server: BenchServer): Promise<void> {
  await rm(join(server.config.mediaRoot, 'results'), { recursive: true, force: true });
  await sql`truncate job, processing_log`.execute(server.database.db.kysely);
  await sql`checkpoint`.execute(server.database.db.kysely);
  server.forgetOutput();
  await server.probe({ probe: 'reset' });
}

async function endSpan(server: BenchServer, shots: readonly Shot[]): Promise<SpanReport> {
  const { cpuMs, loopDelayMs } = await server.probe({ probe: 'read' });
  const good = shots.filter((shot) => shot.status === 200);
  const totals = new Map(good.map((shot) => [shot.jobId, shot.totalMs]));
  const limitAt = performance.now() + LAST_LINES_LIMIT_MS;
  let stages = readStages(server.output(), totals);
  while (stages.length < totals.size && performance.now() < limitAt) {
    await delay(50);
    stages = readStages(server.output(), totals);
  }
  return {
    stages,
    cpuMsPerPhoto: cpuMs / Math.max(1, shots.length),
    loopDelayMsP99: loopDelayMs.p99,
    fusedShare: await readFusedShare(server),
    warnings: readWarnings(server.output()),
  };
}

/** A job claimed with its enqueue was started before its first event was written, any other one after it. */
async function readFusedShare(server: BenchServer): Promise<number> {
  const { rows } = await sql<{ share: number }>`
    select coalesce(avg((job.started_at <= event.occurred_at)::int), 0)::float8 as share
    from job join processing_log event on event.job_id = job.id and event.status = 'received'`.execute(
    server.database.db.kysely,
  );
  return rows[0]?.share ?? Number.NaN;
}

/** Two lines of notes that every ingest benchmark has. */
export function spanNotes(spans: readonly SpanReport[]): string[] {
  const fused = spans.map((span) => `${Math.round(span.fusedShare * 100)} %`).join(' ');
  const warnings = spans.flatMap((span) => Object.entries(span.warnings).map(([text, count]) => `${count} × ${text}`));
  return [
    `Claimed with the enqueue: ${fused}.`,
    ...(warnings.length === 0 ? [] : [`The server warned: ${warnings.join('; ').slice(0, 1_000)}`]),
  ];
}

/** How many shots brought no picture. */
export const countFailed = (shots: readonly Shot[]): number => shots.filter((shot) => shot.status !== 200).length;
