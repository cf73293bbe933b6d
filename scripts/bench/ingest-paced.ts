import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { countFailed, type Shot, type SpanReport, spanNotes, startIngestBench } from './ingest.ts';
import { runOpenLoop } from './load.ts';
import { stageBreakdown } from './stage-log.ts';
import { median, percentile } from './statistics.ts';

const PHOTOS_PER_SECOND = 20;
const PROVIDER_DELAY_MS = 2_500;
/** 20/s × 2.5 s: from then on about this many are held. */
const HELD_PHOTOS = 50;

interface Round extends SpanReport {
  readonly shots: readonly Shot[];
  readonly bareMs: readonly number[];
  readonly openMax: number;
}

/** A steady stream of photos with a provider as slow as a quick real one. */
export const ingestPaced: Benchmark = {
  name: 'ingest-paced',
  about: 'the same at 20 photos a second with about 50 held',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const photos = HELD_PHOTOS + (context.isQuick ? 40 : 200);
  const bares = context.isQuick ? 20 : 60;
  const bench = await startIngestBench(context, 'ingest-paced', { kind: 'success', delayMs: PROVIDER_DELAY_MS });
  const rounds: Round[] = [];
  try {
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(`round ${round}: ${bares} calls without us, then ${photos} photos, ${PHOTOS_PER_SECOND} a second`);
      const bare = await runOpenLoop(bares, PHOTOS_PER_SECOND, bench.bare.call);
      await bench.beginSpan();
      const { results: shots, openMax } = await runOpenLoop(photos, PHOTOS_PER_SECOND, bench.shoot);
      rounds.push({ shots, bareMs: bare.results, openMax, ...(await bench.endSpan(shots)) });
    }
  } finally {
    await bench.stop();
  }
  return resultOf(rounds);
}

function resultOf(rounds: readonly Round[]): BenchResult {
  const added = rounds.map(({ shots, bareMs }) =>
    shots.slice(HELD_PHOTOS).map((shot) => shot.totalMs - median(bareMs)),
  );
  const figure = (share: number) => added.map((values) => percentile(values, share));
  return {
    title: `ingest, ${PHOTOS_PER_SECOND} photos a second, provider ${PROVIDER_DELAY_MS} ms`,
    rows: [
      { name: 'time we add, p50', unit: 'ms', rounds: figure(0.5), bar: { atMost: 36 } },
      { name: 'time we add, p99', unit: 'ms', rounds: figure(0.99), bar: { atMost: 60 } },
      { name: 'held at most', unit: '', rounds: rounds.map((round) => round.openMax) },
      {
        name: 'bare call less its delay, p50',
        unit: 'ms',
        rounds: rounds.map((round) => median(round.bareMs) - PROVIDER_DELAY_MS),
      },
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
      'Open loop: photos start by the clock, however long others take. The bare calls run at the same pace with the same delay',
      `just before, without our server. The first ${HELD_PHOTOS} photos of a round, while the number held still grows, do not count.`,
      ...spanNotes(rounds),
    ],
    raw: rounds,
  };
}
