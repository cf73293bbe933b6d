/**
 * `npm run bench`: measures the server against the bars of its requirements, beside what it is compared with. `--help` tells more.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchContext, Benchmark, BenchResult } from './bench/benchmark.ts';
import { endChildren } from './bench/child.ts';
import { held } from './bench/held.ts';
import { hostile } from './bench/hostile.ts';
import { httpJson } from './bench/http-json.ts';
import { ingestPaced } from './bench/ingest-paced.ts';
import { ingestSaturated } from './bench/ingest-saturated.ts';
import { ingestSingle } from './bench/ingest-single.ts';
import { ledger } from './bench/ledger.ts';
import { lists } from './bench/lists.ts';
import { machineFacts, meterOthers, OTHERS_SHARE_MAX } from './bench/machine.ts';
import { endOrphanedPostgres } from './bench/orphaned-postgres.ts';
import { createPictures } from './bench/pictures.ts';
import { queue } from './bench/queue.ts';
import { ready } from './bench/ready.ts';
import { isMet, renderResult } from './bench/render-result.ts';
import { signInFlood } from './bench/sign-in-flood.ts';
import { statistics } from './bench/stats-queries.ts';
import { uploadRatio } from './bench/upload-ratio.ts';

const BENCHMARKS: readonly Benchmark[] = [
  ingestSingle,
  ingestPaced,
  ingestSaturated,
  held,
  uploadRatio,
  queue,
  ready,
  hostile,
  httpJson,
  signInFlood,
  statistics,
  lists,
  ledger,
];
const RESULTS_DIRECTORY = 'bench-results';

const HELP = `npm run bench -- [options]

Measures the server on this machine and prints each figure with its bar. Everything runs in processes of its own, in a folder
below the system's temporary directory that is removed at the end; raw figures go to ${RESULTS_DIRECTORY}/. A full run takes about
twenty minutes and wants the machine for itself.

  --only <name,…>   only these benchmarks
  --rounds <n>      how often each is measured; 3
  --quick           small counts: to see whether the benchmarks work, not for figures
  --profile <dir>   leave CPU profiles of the ingest benchmarks' servers there
  --help            this text

${BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(17)} ${about}`).join('\n')}
`;

interface Taken {
  readonly name: string;
  /** What others took of the processors meanwhile; undefined where that cannot be told. */
  readonly othersShare: number | undefined;
  readonly tookSeconds: number;
  /** Undefined when the benchmark failed. */
  readonly result: BenchResult | undefined;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function bench(chosen: readonly Benchmark[], context: BenchContext): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const [index, { name, about, run }] of chosen.entries()) {
    say(`\n[${index + 1}/${chosen.length}] ${name}: ${about}`);
    const startedAt = performance.now();
    const readOthers = meterOthers();
    const result = await run({ ...context, say: (line) => say(`      ${line}`) }).catch((error: Error) => {
      say(`\n   FAILED: ${error.stack}`);
      return undefined;
    });
    const othersShare = readOthers();
    taken.push({ name, othersShare, tookSeconds: (performance.now() - startedAt) / 1000, result });
    if (result === undefined) continue;
    say(`\n${renderResult(result)}`);
    if (othersShare !== undefined && othersShare > OTHERS_SHARE_MAX) {
      say(`\n   ! Taken under load: others used ${Math.round(othersShare * 100)} % of the machine meanwhile.`);
    }
  }
  return taken;
}

/** @returns the path of the file. */
function keep(taken: readonly Taken[], options: object): string {
  mkdirSync(RESULTS_DIRECTORY, { recursive: true });
  const takenAt = new Date().toISOString();
  const path = join(RESULTS_DIRECTORY, `${takenAt.replaceAll(':', '-')}.json`);
  writeFileSync(path, JSON.stringify({ takenAt, machine: machineFacts(), options, benchmarks: taken }, null, 1));
  return path;
}

function summarise(taken: readonly Taken[]): void {
  const verdicts = taken.flatMap(({ name, result }) =>
    (result?.rows ?? []).flatMap((row) => {
      const met = isMet(row);
      return met === undefined ? [] : [{ met, text: `${name}: ${row.name}` }];
    }),
  );
  const missed = verdicts.filter(({ met }) => !met);
  say(`\n${verdicts.length - missed.length} of ${verdicts.length} bars met.`);
  for (const { text } of missed) say(`  missed  ${text}`);
  for (const { name, result } of taken) if (result === undefined) say(`  failed  ${name}`);
}

function chooseBenchmarks(only: string | undefined): readonly Benchmark[] {
  if (only === undefined) return BENCHMARKS;
  return only.split(',').map((wanted) => {
    const found = BENCHMARKS.find(({ name }) => name === wanted.trim());
    if (found === undefined) throw new TypeError(`There is no benchmark "${wanted}". Try --help.`);
    return found;
  });
}

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'photochanger-bench-'));
  chmodSync(directory, 0o755);
  return directory;
}

async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(HELP);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError('--rounds is a whole number from 1.');
  const chosen = chooseBenchmarks(values.only);
  const directory = makeDirectory();
  const cleanUp = async (): Promise<void> => {
    await endChildren();
    await endOrphanedPostgres(directory);
    // a server interrupted in its first start leaves initdb behind, which writes on for a moment
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
  }
  try {
    const context = { rounds, isQuick: values.quick, directory, pictures: createPictures(directory), say };
    const taken = await bench(chosen, { ...context, profileDirectory: values.profile });
    summarise(taken);
    if (taken.some(({ result }) => result === undefined)) process.exitCode = 1;
    say(`\nRaw figures: ${keep(taken, { rounds, isQuick: values.quick })}`);
  } finally {
    await cleanUp();
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof TypeError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
