/**
 * How fast a 3 MB picture is received, against a bare stream to disk on the same machine at the same time: the two take turns, round by
 * round, and the ratio of their medians is the figure that counts. The receiver has to reach 0.9.
 *
 * Run: `node scripts/bench/upload.ts [rounds] [seconds per round]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UploadServerKind, UploadServerReport } from './upload-server.ts';

/** Medians over the rounds. */
export interface UploadBenchRow {
  readonly name: UploadServerKind;
  readonly uploadsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server process, all threads. */
  readonly cpuMsPerUpload: number;
}

export interface UploadBenchResult {
  readonly rows: readonly UploadBenchRow[];
  /** Uploads per second of `form` over those of `bare`. */
  readonly ratio: number;
}

const PICTURE_BYTES = 3 * 1024 * 1024;
const CONNECTIONS = 8;
const WARM_UP_SECONDS = 1;
const KINDS: readonly UploadServerKind[] = ['bare', 'form'];

/** @throws Error when an answer is not the picture's hash, or when a server process ends by itself. */
export async function benchUpload(options: { rounds: number; secondsPerRound: number }): Promise<UploadBenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-upload-'));
  const picture = randomBytes(PICTURE_BYTES);
  const sha256 = createHash('sha256').update(picture).digest('hex');
  const servers: RunningServer[] = [];
  try {
    for (const kind of KINDS) servers.push(await startServer(kind, directory));
    const rounds = new Map<UploadServerKind, UploadBenchRow[]>(KINDS.map((kind) => [kind, []]));
    for (let round = -1; round < options.rounds; round += 1) {
      for (const server of servers) {
        const seconds = round < 0 ? WARM_UP_SECONDS : options.secondsPerRound;
        const row = await measure(server, requestBytes(server.kind, picture), sha256, seconds);
        if (round >= 0) rounds.get(server.kind)?.push(row);
      }
    }
    const rows = KINDS.map((kind) => medianRow(kind, rounds.get(kind) ?? []));
    return { rows, ratio: (rows[1]?.uploadsPerSecond ?? 0) / (rows[0]?.uploadsPerSecond ?? 1) };
  } finally {
    await Promise.all(servers.map(({ process: child }) => stopServer(child)));
    await rm(directory, { recursive: true });
  }
}

interface RunningServer {
  readonly kind: UploadServerKind;
  readonly process: ChildProcess;
  readonly port: number;
}

async function startServer(kind: UploadServerKind, directory: string): Promise<RunningServer> {
  const child = fork(fileURLToPath(new URL('upload-server.ts', import.meta.url)), [kind, directory]);
  const { port } = await nextReport(child);
  if (port === undefined) throw new Error(`The ${kind} server did not say where it listens.`);
  return { kind, process: child, port };
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}

async function nextReport(child: ChildProcess): Promise<UploadServerReport> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('A server process of the benchmark ended by itself.');
  });
  try {
    const [report] = (await Promise.race([once(child, 'message', { signal }), ended])) as [UploadServerReport];
    return report;
  } finally {
    over.abort();
  }
}

async function cpuMsOf({ process: child }: RunningServer): Promise<number> {
  const report = nextReport(child);
  child.send('cpu');
  return (await report).cpuMs;
}

function requestBytes(kind: UploadServerKind, picture: Buffer): Buffer {
  if (kind === 'bare') return request('application/octet-stream', picture);
  const boundary = '---------------------------974767299852498929531610575';
  const field = (name: string, value: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const head = `${field('time', '1700000000')}${field('model', 'Windows')}${field('password', 'open sesame')}--${boundary}\r\nContent-Disposition: form-data; name="fileToUpload"; filename="IMG_0003.JPG"\r\nContent-Type: image/jpeg\r\n\r\n`;
  const form = Buffer.concat([Buffer.from(head), picture, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return request(`multipart/form-data; boundary=${boundary}`, form);
}

function request(contentType: string, body: Buffer): Buffer {
  const head = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

async function measure(server: RunningServer, bytes: Buffer, sha256: string, seconds: number): Promise<UploadBenchRow> {
  const latenciesMs: number[] = [];
  const cpuMsBefore = await cpuMsOf(server);
  const begin = performance.now();
  const until = begin + seconds * 1000;
  await Promise.all(Array.from({ length: CONNECTIONS }, () => upload(server.port, bytes, sha256, until, latenciesMs)));
  const elapsedSeconds = (performance.now() - begin) / 1000;
  const cpuMs = (await cpuMsOf(server)) - cpuMsBefore;
  latenciesMs.sort((a, b) => a - b);
  const percentile = (share: number): number => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? Number.NaN;
  return {
    name: server.kind,
    uploadsPerSecond: latenciesMs.length / elapsedSeconds,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    cpuMsPerUpload: cpuMs / latenciesMs.length,
  };
}

/** One connection that sends the same request again and again, each after the answer to the one before. */
function upload(port: number, bytes: Buffer, sha256: string, until: number, latenciesMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let sentAt = 0;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(bytes);
    };
    socket
      .on('connect', send)
      .on('error', reject)
      .on('close', () => resolve());
    socket.setEncoding('latin1').on('data', (answer: string) => {
      if (!answer.includes(sha256)) return void socket.destroy(new Error(`Not the picture's hash: ${answer}`));
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      if (now < until) send();
      else socket.destroy();
    });
  });
}

function medianRow(name: UploadServerKind, rows: readonly UploadBenchRow[]): UploadBenchRow {
  const median = (pick: (row: UploadBenchRow) => number): number =>
    rows.map(pick).sort((a, b) => a - b)[rows.length >> 1] ?? Number.NaN;
  return {
    name,
    uploadsPerSecond: median((row) => row.uploadsPerSecond),
    p50Ms: median((row) => row.p50Ms),
    p99Ms: median((row) => row.p99Ms),
    cpuMsPerUpload: median((row) => row.cpuMsPerUpload),
  };
}

if (import.meta.main) {
  const [rounds = '3', secondsPerRound = '3'] = process.argv.slice(2);
  const result = await benchUpload({ rounds: Number(rounds), secondsPerRound: Number(secondsPerRound) });
  console.log(JSON.stringify({ cores: availableParallelism(), ...result }, null, 2));
}
