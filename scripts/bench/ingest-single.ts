import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { countFailed, type Shot, type SpanReport, spanNotes, startIngestBench } from './ingest.ts';
import { stageBreakdown } from './stage-log.ts';
import { median, percentile } from './statistics.ts';

interface Round extends SpanReport {
  readonly shots: readonly Shot[];
  readonly bareMs: readonly number[];
  readonly naiveMs: readonly number[];
}

/** One photo after another: the time we add to the provider's. */
export const ingestSingle: Benchmark = {
  name: 'ingest-single',
  about: 'the time we add to one photo (1.6 MB in, 1.5 MB back), one at a time',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const photos = context.isQuick ? 30 : 200;
  const bench = await startIngestBench(context, 'ingest-single', { kind: 'success' });
  const rounds: Round[] = [];
  try {
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(
        `round ${round}: ${photos} photos, and between them as many calls without us and photos through a naive build`,
      );
      const shots: Shot[] = [];
      const bareMs: number[] = [];
      const naiveMs: number[] = [];
      await bench.beginSpan();
      for (let sent = 0; sent < photos; sent += 1) {
        shots.push(await bench.shoot());
        bareMs.push(await bench.bare.call());
        naiveMs.push(await bench.shootNaive());
      }
      rounds.push({ shots, bareMs, naiveMs, ...(await bench.endSpan(shots)) });
    }
  } finally {
    await bench.stop();
  }
  return resultOf(photos, rounds);
}

function resultOf(photos: number, rounds: readonly Round[]): BenchResult {
  const added = rounds.map(({ shots, bareMs }) => shots.map((shot) => shot.totalMs - median(bareMs)));
  const naive = rounds.map(({ naiveMs, bareMs }) => naiveMs.map((totalMs) => totalMs - median(bareMs)));
  const figure = (share: number) => added.map((values) => percentile(values, share));
  const naiveFigure = (share: number) => naive.map((values) => percentile(values, share));
  return {
    title: `ingest, one at a time: ${photos} photos a round`,
    rows: [
      {
        name: 'time we add, p50',
        unit: 'ms',
        rounds: figure(0.5),
        bar: { atMost: 32 },
        comparedWith: [{ name: 'naive build', value: median(naiveFigure(0.5)) }],
      },
      {
        name: 'time we add, p99',
        unit: 'ms',
        rounds: figure(0.99),
        bar: { atMost: 50 },
        comparedWith: [{ name: 'naive build', value: median(naiveFigure(0.99)) }],
      },
      { name: 'naive build, p50', unit: 'ms', rounds: naiveFigure(0.5) },
      { name: 'naive build, p99', unit: 'ms', rounds: naiveFigure(0.99) },
      { name: 'bare call, p50', unit: 'ms', rounds: rounds.map((round) => percentile(round.bareMs, 0.5)) },
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
      'Time we add: the station’s wait (connect, 100 Continue, upload, last byte back) less the round’s median bare call to the',
      'same simulator; photo, bare call and naive build take turns. The bars were set on a machine where a naive build with a',
      'queue took 58 / 81 ms; compare the ratio where this machine is another one. Client, simulator and PostgreSQL (fsync on) share the machine’s cores.',
      ...spanNotes(rounds),
    ],
    raw: rounds,
  };
}
