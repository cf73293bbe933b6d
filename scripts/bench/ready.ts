import { join } from 'node:path';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { startBenchServer, waitUntilReady } from './bench-server.ts';
import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { startCommand } from './child.ts';

const STARTS_MIN = 5;
const STARTS = {
  'npm start': { command: 'npm', args: ['start'] },
  'node src/main.ts': { command: process.execPath, args: ['src/main.ts'] },
} as const;
type StartName = keyof typeof STARTS;

/** From the command to a server that takes photos. */
export const ready: Benchmark = {
  name: 'ready',
  about: 'from `npm start` to ready, the database being there',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const home = join(context.directory, 'ready');
  await (await startBenchServer({ home })).stop();
  const names = Object.keys(STARTS) as StartName[];
  const seconds = new Map<StartName, number[]>(names.map((name) => [name, []]));
  const rounds = context.isQuick ? 1 : Math.max(STARTS_MIN, context.rounds);
  for (let round = 1; round <= rounds; round += 1) {
    context.say(`start ${round} of ${rounds}`);
    for (const name of names) seconds.get(name)?.push((await timeStart(name, home)) / 1000);
  }
  return {
    title: 'ready after a start, the embedded database initialised',
    rows: names.map((name) => ({
      name,
      unit: 's',
      rounds: seconds.get(name) ?? [],
      ...(name === 'npm start' && { bar: { atMost: 1.5 } }),
    })),
    notes: ['Until /readyz answers 200, asked every 5 ms; PostgreSQL starts with the server. The two take turns.'],
  };
}

async function timeStart(name: StartName, home: string): Promise<number> {
  const { command, args } = STARTS[name];
  const port = await findFreePort();
  const startedAt = performance.now();
  const server = startCommand(command, args, { PHOTOCHANGER_HOME: home, PHOTOCHANGER_PORT: String(port) });
  try {
    await waitUntilReady(`http://127.0.0.1:${port}`, server.isRunning);
    return performance.now() - startedAt;
  } finally {
    await server.end();
  }
}
