import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { countFailed, type IngestBench, type Shot, spanNotes, startIngestBench } from './ingest.ts';
import { runOpenLoop } from './load.ts';
import { createSignInLoad, MANY_ADDRESSES, type SignInLoad } from './sign-in-load.ts';
import { median, percentile } from './statistics.ts';

const PHOTOS_PER_SECOND = 5;
const SIGN_INS_PER_SECOND = 100;
const SIGNED_IN = 200;
/** How many times longer the slowest photos may take while everybody signs in. */
const GROWTH_MAX = 1.2;

type Span = Awaited<ReturnType<IngestBench['endSpan']>> & { readonly shots: readonly Shot[] };

interface Round {
  readonly alone: Span;
  readonly flooded: Span;
  /** How often each status came. */
  readonly statuses: Readonly<Record<number, number>>;
}

/** Whether signing in takes anything away from photos. */
export const signInFlood: Benchmark = {
  name: 'sign-in-flood',
  about: `photos alone, and while ${SIGN_INS_PER_SECOND} people a second sign in`,
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const photos = context.isQuick ? 20 : 100;
  const bench = await startIngestBench(context, 'sign-in-flood', { kind: 'success' }, MANY_ADDRESSES);
  const load = await createSignInLoad(bench.server);
  const rounds: Round[] = [];
  try {
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(`round ${round}: ${photos} photos, ${PHOTOS_PER_SECOND} a second; then the same with sign-ins`);
      const alone = await measure(bench, photos);
      const flood = startFlood(load, (photos / PHOTOS_PER_SECOND) * SIGN_INS_PER_SECOND);
      const flooded = await measure(bench, photos);
      rounds.push({ alone, flooded, statuses: await flood });
    }
  } finally {
    load.close();
    await bench.stop();
  }
  return resultOf(photos, rounds);
}

async function measure(bench: IngestBench, photos: number): Promise<Span> {
  await bench.beginSpan();
  const { results: shots } = await runOpenLoop(photos, PHOTOS_PER_SECOND, bench.shoot);
  return { shots, ...(await bench.endSpan(shots)) };
}

async function startFlood({ signIn }: SignInLoad, count: number): Promise<Record<number, number>> {
  const { results } = await runOpenLoop(count, SIGN_INS_PER_SECOND, signIn);
  const statuses: Record<number, number> = {};
  for (const status of results) statuses[status] = (statuses[status] ?? 0) + 1;
  return statuses;
}

function resultOf(photos: number, rounds: readonly Round[]): BenchResult {
  const figure = (pick: (round: Round) => Span, share: number) =>
    rounds.map((round) =>
      percentile(
        pick(round).shots.map((shot) => shot.totalMs),
        share,
      ),
    );
  const alone = figure((round) => round.alone, 0.99);
  const flooded = figure((round) => round.flooded, 0.99);
  const count = (isWanted: (status: number) => boolean) =>
    rounds.map(({ statuses }) =>
      Object.entries(statuses).reduce((sum, [status, times]) => sum + (isWanted(Number(status)) ? times : 0), 0),
    );
  return {
    title: `${photos} photos, ${PHOTOS_PER_SECOND} a second, beside ${SIGN_INS_PER_SECOND} sign-ins a second`,
    rows: [
      {
        name: 'photo p99, with sign-ins over alone',
        unit: '×',
        rounds: flooded.map((value, round) => value / (alone[round] ?? Number.NaN)),
        bar: { atMost: GROWTH_MAX },
      },
      {
        name: 'photo p99, with sign-ins',
        unit: 'ms',
        rounds: flooded,
        comparedWith: [{ name: 'alone', value: median(alone) }],
      },
      {
        name: 'photo p50, with sign-ins',
        unit: 'ms',
        rounds: figure((round) => round.flooded, 0.5),
        comparedWith: [{ name: 'alone', value: median(figure((round) => round.alone, 0.5)) }],
      },
      {
        name: 'photos without picture',
        unit: '',
        rounds: rounds.map((round) => countFailed([...round.alone.shots, ...round.flooded.shots])),
        bar: { atMost: 0 },
      },
      { name: 'signed in', unit: '', rounds: count((status) => status === SIGNED_IN), bar: { atLeast: 1 } },
      { name: 'answered 5xx', unit: '', rounds: count((status) => status >= 500), bar: { atMost: 0 } },
    ],
    notes: [
      'A third of the tries have the right password, a third a wrong one, a third a name that nobody has; each comes from an address',
      `of its own. Answers by status: ${rounds.map(({ statuses }) => JSON.stringify(statuses)).join(' ')}.`,
      ...spanNotes(rounds.map((round) => round.flooded)),
    ],
    raw: rounds,
  };
}
