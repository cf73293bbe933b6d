import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { countFailed, type Shot, type SpanReport, spanNotes, startIngestBench } from './ingest.ts';
import { runClosedLoop } from './load.ts';
import { stageBreakdown } from './stage-log.ts';
import { percentile } from './statistics.ts';

const CLIENTS = 50;
const PROVIDER_DELAY_MS = 500;

interface Round extends SpanReport {
  readonly shots: readonly Shot[];
  readonly perSecond: number;
}

/** As many photos as get through. */
export const ingestSaturated: Benchmark = {
  name: 'ingest-saturated',
  about: 'photos a second with 50 stations that never pause',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const span = context.isQuick ? { warmUpMs: 1_500, measuredMs: 2_000 } : { warmUpMs: 2_500, measuredMs: 8_000 };
  const bench = await startIngestBench(context, 'ingest-saturated', { kind: 'success', delayMs: PROVIDER_DELAY_MS });
  const rounds: Round[] = [];
  try {
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(`round ${round}: ${CLIENTS} stations for ${(span.warmUpMs + span.measuredMs) / 1000} s`);
      await bench.beginSpan();
      const { results: shots, perSecond } = await runClosedLoop(CLIENTS, span, bench.shoot);
      rounds.push({ shots, perSecond, ...(await bench.endSpan(shots)) });
    }
  } finally {
    await bench.stop();
  }
  return resultOf(rounds);
}

function resultOf(rounds: readonly Round[]): BenchResult {
  const total = (share: number) =>
    rounds.map(({ shots }) =>
      percentile(
        shots.map((shot) => shot.totalMs),
        share,
      ),
    );
  return {
    title: `ingest, saturated: ${CLIENTS} stations in a closed loop, provider ${PROVIDER_DELAY_MS} ms`,
    rows: [
      {
        name: 'photos',
        unit: '/s',
        rounds: rounds.map((round) => round.perSecond),
        bar: { atLeast: 40 },
        comparedWith: [{ name: 'if we added nothing', value: (CLIENTS * 1000) / PROVIDER_DELAY_MS }],
      },
      { name: 'station’s wait, p50', unit: 'ms', rounds: total(0.5) },
      { name: 'station’s wait, p99', unit: 'ms', rounds: total(0.99) },
      { name: 'server CPU a photo', unit: 'ms', rounds: rounds.map((round) => round.cpuMsPerPhoto) },
      { name: 'event-loop delay, p99', unit: 'ms', rounds: rounds.map((round) => round.loopDelayMsP99) },
      {
        name: 'photos without picture',
        unit: '',
        rounds: rounds.map((round) => countFailed(round.shots)),
        bar: { atMost: 0 },
      },
    ],
    breakdowns: [
      stageBreakdown(
        'where the time goes',
        rounds.flatMap((round) => round.stages),
      ),
    ],
    notes: [
      'The stations, the simulator and PostgreSQL work on the same cores as the server: the figure is the whole machine’s.',
      ...spanNotes(rounds),
    ],
    raw: rounds,
  };
}
