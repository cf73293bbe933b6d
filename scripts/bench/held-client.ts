/**
 * Stations that only wait, thousands of them in one process: each sends its photo over a connection of its own and then holds it.
 * Told over IPC how many there are to be; says when all of them are waiting.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { buildStationRequest, nextShot, type StationRequest } from '../station.ts';

/** Grow to so many. */
export interface HoldOrder {
  readonly count: number;
}

/** All of them wait; `endedEarly` holds the first answers that came although none should. */
export interface HoldReport {
  readonly count: number;
  /** Of these, how many came with this order, and how long that took. */
  readonly uploaded: number;
  readonly tookMs: number;
  readonly endedEarly: readonly string[];
}

/** Uploads at once. */
const UPLOADS_MAX = 16;
const ENDED_EARLY_MAX = 5;

let opened = 0;
const endedEarly: string[] = [];

/** Resolves when the photo is sent, or when it cannot be. */
function hold({ host, port, head, body }: StationRequest): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    const end = (why: string): void => {
      if (endedEarly.length < ENDED_EARLY_MAX) endedEarly.push(why);
      resolve();
    };
    socket.once('connect', () => socket.write(head));
    socket.once('data', (first: Buffer) => {
      if (!first.toString('latin1', 0, 12).startsWith('HTTP/1.1 100')) return end(firstLine(first));
      socket.write(Buffer.concat(body), () => resolve());
      socket.on('data', (answer: Buffer) => end(firstLine(answer)));
    });
    socket.once('error', (error) => end(error.message));
    socket.once('close', () => end('the connection was closed'));
  });
}

const firstLine = (bytes: Buffer): string => bytes.toString('latin1').split('\r\n', 1)[0] ?? '';

async function grow(request: StationRequest, { count }: HoldOrder): Promise<void> {
  const startedAt = performance.now();
  const before = opened;
  const uploader = async (): Promise<void> => {
    while (opened < count) {
      opened += 1;
      await hold(nextShot(request));
    }
  };
  await Promise.all(Array.from({ length: UPLOADS_MAX }, uploader));
  const report: HoldReport = {
    count: opened,
    uploaded: opened - before,
    tookMs: performance.now() - startedAt,
    endedEarly,
  };
  process.send?.(report);
}

if (import.meta.main) {
  const [url = '', password = '', photoPath = ''] = process.argv.slice(2);
  const request = buildStationRequest({ url, password, photo: readFileSync(photoPath) });
  process.on('message', (order: HoldOrder) => void grow(request, order));
  process.on('disconnect', () => process.exit());
  process.on('SIGTERM', () => process.exit());
}
