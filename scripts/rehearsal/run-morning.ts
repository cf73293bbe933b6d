/** One morning from its begin to its figures: simulators, a server, stations, and a look at what is left. */
import { join } from 'node:path';
import { meterOthers } from '../bench/machine.ts';
import { directSimulators } from './direct-simulators.ts';
import { computeFigures } from './figures.ts';
import { judge } from './judge.ts';
import { lookAfterwards } from './look-afterwards.ts';
import type { MakePhoto } from './make-photos.ts';
import { planShots, type Weather } from './morning.ts';
import { PASSWORD, startRehearsalServer } from './rehearsal-server.ts';
import type { Run } from './render-report.ts';
import { sendShots } from './send-shots.ts';
import { showProgress } from './show-progress.ts';

/** What a morning is made of. */
export interface MorningOptions {
  readonly name: string;
  readonly hasFallback: boolean;
  readonly seed: number;
  readonly photos: number;
  readonly lengthMs: number;
  readonly windowSeconds: number;
  readonly weather: Weather;
  readonly makePhoto: MakePhoto;
  /** A folder of the rehearsal; the run makes one of its own in it. */
  readonly folder: string;
  /** The share of pictures wanted, in percent; undefined: any. */
  readonly picturesMin: number | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly onServerOutput: (text: string) => void;
}

/** Longer than any window: a station that gives up would count as a fault of the server. */
const STATION_MARGIN_MS = 10_000;

/** Plays it. Whatever fails, nothing of it is left running. */
export async function runMorning(options: MorningOptions): Promise<Run> {
  const { name, seed, weather, lengthMs, windowSeconds, say, signal } = options;
  const startedAt = performance.now();
  const readOthers = meterOthers();
  let beganAt = Number.POSITIVE_INFINITY;
  const progress = () => (performance.now() - beganAt) / lengthMs;
  const simulators = await directSimulators({ seed, weather, progress });
  try {
    say(`${name}: the server starts`);
    const server = await startRehearsalServer({
      home: join(options.folder, options.hasFallback ? 'with' : 'without'),
      simulatorsPort: simulators.firstPort,
      windowSeconds,
      hasFallback: options.hasFallback,
      onOutput: options.onServerOutput,
    });
    try {
      const shots = planShots(options);
      const shown = showProgress({ ...options, callCount: () => simulators.calls.length });
      beganAt = performance.now();
      const answers = await sendShots(shots, {
        url: server.url,
        password: PASSWORD,
        makePhoto: options.makePhoto,
        timeoutMs: windowSeconds * 1000 + STATION_MARGIN_MS,
        signal,
        onSent: shown.sent,
        onAnswer: shown.answered,
      }).finally(shown.end);
      say(`${name}: the books are read`);
      const findings = await lookAfterwards(server.config);
      const figures = computeFigures(answers, simulators.calls, findings, windowSeconds * 1000);
      const tookSeconds = Math.round((performance.now() - startedAt) / 1000);
      return { name, tookSeconds, othersShare: readOthers(), figures, bars: judge(figures, options.picturesMin) };
    } finally {
      await server.stop();
    }
  } finally {
    await simulators.stop();
  }
}
