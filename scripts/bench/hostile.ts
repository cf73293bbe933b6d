import { join } from 'node:path';
import { buildStationRequest, type StationRequest, sendStationRequest } from '../station.ts';
import { PASSWORD, startBenchServer } from './bench-server.ts';
import { startBenchSimulator } from './bench-simulator.ts';
import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { flatPng } from './flat-png.ts';
import { percentile } from './statistics.ts';

const SIDE_PX = 16_000;
const REFUSAL = 400;

interface Round {
  readonly elapsedMs: readonly number[];
  readonly memoryBytes: number;
}

/** A picture that would cost gigabytes to decode. */
export const hostile: Benchmark = {
  name: 'hostile',
  about: 'time and memory to refuse a flat PNG of 16,000 × 16,000 pixels',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const times = context.isQuick ? 5 : 30;
  context.say('the picture is made');
  const picture = await flatPng(SIDE_PX, SIDE_PX);
  const small = await context.pictures.smallPhoto();
  const simulator = await startBenchSimulator({ answer: small, otherwise: { kind: 'success' } });
  const server = await startBenchServer({ home: join(context.directory, 'hostile'), geminiUrl: simulator.url });
  const requestOf = (photo: Buffer, fileName: string) =>
    buildStationRequest({ url: server.ingestUrl, password: PASSWORD, photo, fileName });
  const hostileRequest = declarePng(requestOf(picture, 'IMG_0003.PNG'));
  const rounds: Round[] = [];
  try {
    for (let sent = 0; sent < 10; sent += 1) {
      await sendStationRequest(requestOf(small.bytes, 'IMG_0003.JPG'), { timeoutMs: 60_000 });
    }
    for (let round = 1; round <= context.rounds; round += 1) {
      context.say(`round ${round}: ${times} times ${Math.round(picture.length / 1000)} kB`);
      const { rssBytes } = await server.probe({ probe: 'reset' });
      const elapsedMs: number[] = [];
      for (let sent = 0; sent < times; sent += 1) {
        const { status, timing, body } = await sendStationRequest(hostileRequest, { timeoutMs: 60_000 });
        if (status !== REFUSAL) throw new Error(`answered ${status}: ${body.toString('utf8', 0, 300)}`);
        elapsedMs.push(timing.totalMs);
      }
      const { rssBytesPeak } = await server.probe({ probe: 'read' });
      rounds.push({ elapsedMs, memoryBytes: Math.max(0, rssBytesPeak - rssBytes) });
    }
  } finally {
    await server.stop();
    await simulator.stop();
  }
  return resultOf(picture.length, rounds);
}

/** Stations declare JPEG, which would be refused for that alone. The space keeps the length, and so Content-Length. */
function declarePng(request: StationRequest): StationRequest {
  const [fields = Buffer.alloc(0), ...rest] = request.body;
  const declared = fields.toString('latin1').replace('Content-Type: image/jpeg', 'Content-Type: image/png ');
  return { ...request, body: [Buffer.from(declared, 'latin1'), ...rest] };
}

function resultOf(sizeBytes: number, rounds: readonly Round[]): BenchResult {
  const figure = (share: number) => rounds.map(({ elapsedMs }) => percentile(elapsedMs, share));
  return {
    title: `a flat PNG of ${SIDE_PX} × ${SIDE_PX} pixels in ${Math.round(sizeBytes / 1000)} kB is refused`,
    rows: [
      { name: 'time to the refusal, p50', unit: 'ms', rounds: figure(0.5), bar: { atMost: 50 } },
      { name: 'time to the refusal, slowest', unit: 'ms', rounds: figure(1), bar: { atMost: 50 } },
      {
        name: 'memory at the peak, over before',
        unit: 'MB',
        rounds: rounds.map(({ memoryBytes }) => memoryBytes / 1e6),
        bar: { atMost: 50 },
      },
    ],
    notes: ['From connecting to the last byte of the 400; the peak is the process’s, over all refusals of a round.'],
    raw: rounds,
  };
}
