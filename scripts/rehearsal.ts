/**
 * `npm run rehearsal`: a scripted bad morning against simulated services, with fallback chains and without, judged by what stations
 * got, by the services' own books, and by what is left in the database and on the disk.
 */
import { chmodSync, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChildren } from './bench/child.ts';
import { endOrphanedPostgres } from './bench/orphaned-postgres.ts';
import { drawParties } from './rehearsal/make-photos.ts';
import { BAD_WEATHER, MILD_WEATHER } from './rehearsal/morning.ts';
import { PICTURES_MIN, type RehearsalOptions, readOptions, UsageError } from './rehearsal/options.ts';
import { type Run, renderReport } from './rehearsal/render-report.ts';
import { runMorning } from './rehearsal/run-morning.ts';

const NAMES = { without: 'without fallback', with: 'with fallback' } as const;

async function rehearse(options: RehearsalOptions, folder: string, signal: AbortSignal): Promise<Run[]> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const log = options.serverLog === undefined ? undefined : createWriteStream(options.serverLog);
  say('the guests get dressed');
  const makePhoto = await drawParties(options.seed, options.photos);
  const runs: Run[] = [];
  for (const half of options.halves)
    runs.push(
      await runMorning({
        ...options,
        name: NAMES[half],
        hasFallback: half === 'with',
        lengthMs: options.minutes * 60_000,
        weather: options.isMild ? MILD_WEATHER : BAD_WEATHER,
        // without fallback a bad morning cannot bring them all: that is what is shown
        picturesMin: options.picturesMin ?? (half === 'with' ? PICTURES_MIN : undefined),
        makePhoto,
        folder,
        signal,
        say,
        onServerOutput: (text) => log?.write(text),
      }),
    );
  log?.end();
  return runs;
}

/** @returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const read = readOptions(args);
  if (typeof read === 'string') {
    process.stdout.write(read);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'photochanger-rehearsal-'));
  chmodSync(folder, 0o755);
  const cleanUp = async (): Promise<void> => {
    await endChildren();
    for (const half of read.halves) await endOrphanedPostgres(join(folder, half));
    // a server interrupted in its first start leaves initdb behind, which writes on for a moment
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      ending.abort(new Error(`ended by ${signal}`));
      void cleanUp().finally(() => process.exit(130));
    });
  try {
    const runs = await rehearse(read, folder, ending.signal);
    const report = read.isJson ? JSON.stringify({ options: read, runs }, null, 2) : renderReport(runs);
    process.stdout.write(`${report}\n`);
    return runs.every(({ bars }) => bars.every(({ isMet }) => isMet)) ? 0 : 1;
  } finally {
    await cleanUp();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${isUsage ? `${error.message}\nTry --help.` : (error as Error).stack}\n`);
  if (!isUsage && error instanceof Error && error.cause !== undefined) process.stderr.write(`${String(error.cause)}\n`);
  process.exitCode = 2;
}
