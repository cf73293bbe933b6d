/** Processes whose clock is an hour wrong: the database's clock decides, and every deadline is counted, never compared. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createInstallation, finalEvents, type Installation, jobIdOf } from '../support/installation.ts';
import { reapPrograms, runProgram } from '../support/process.ts';
import { readJob } from '../support/queue.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';

const WINDOW_MS = 3_000;
const HOUR_MS = 3_600_000;
/** The process and the database measure the same upload, each with its own scheduling. */
const ROUNDING_MS = 250;

let installation: Installation;

beforeAll(async () => {
  installation = await createInstallation({ windowSeconds: WINDOW_MS / 1000 });
});
afterEach(() => reapPrograms());
afterAll(() => installation.end());

/** Moves the wall clock of a process, and nothing else: files and the database keep the right time. */
const shiftedBy = (ms: number): { preload: string } => ({
  preload: `
    const RightDate = Date;
    globalThis.Date = class Date extends RightDate {
      constructor(...parts) { if (parts.length === 0) super(RightDate.now() + ${ms}); else super(...parts); }
      static now() { return RightDate.now() + ${ms}; }
    };
  `,
});

describe.each([
  { offset: HOUR_MS, name: 'an hour fast' },
  { offset: -HOUR_MS, name: 'an hour slow' },
])('a server whose clock is $name', ({ offset }) => {
  test('finishes in time, ends in time, and keeps results and links as long as any other', async () => {
    const { db, gemini } = installation;
    const server = await installation.start({}, shiftedBy(offset));
    gemini.setDefault({ kind: 'success', delayMs: 100 });
    const good = await installation.post(server);
    expect(good.status).toBe(200);
    const done = await readJob(db, jobIdOf(good));
    expect(Math.abs(Date.now() - (done.finalized_at as Date).getTime())).toBeLessThan(10_000);
    expect((done.result_expires_at as Date).getTime() - (done.finalized_at as Date).getTime()).toBeLessThan(72 * HOUR_MS + 50);
    const link = await fetch(`${server.url}/public/results/${done.id}`);
    expect(link.status).toBe(200);
    await link.arrayBuffer();

    gemini.setDefault({ kind: 'hang' });
    const late = await installation.post(server);
    expect(late.status).toBe(504);
    expect(late.timing.totalMs).toBeGreaterThan(WINDOW_MS - 50);
    expect(late.timing.totalMs).toBeLessThan(WINDOW_MS + 1_000);
    const job = await readJob(db, jobIdOf(late));
    expect(job).toMatchObject({ is_finalized: true, failure_reason: 'timeout', claim_no: 1 });
    expect(job.expires_at.getTime() - job.created_at.getTime()).toBe(WINDOW_MS);
    expect(finalEvents(await installation.events(job.id))).toEqual(['timeout']);
  });

  test('names in its 504 the deadline that the job’s row has', async () => {
    installation.gemini.setDefault({ kind: 'hang' });
    const server = await installation.start({}, shiftedBy(offset));
    const late = await installation.post(server);
    const job = await readJob(installation.db, jobIdOf(late));
    const { details } = JSON.parse(late.body.toString()).error;
    expect(Math.abs(new Date(details.expires_at).getTime() - job.expires_at.getTime())).toBeLessThan(ROUNDING_MS);
  });

  test('leaves the upload of a moment ago alone when it cleans up', async () => {
    installation.gemini.setDefault({ kind: 'success' });
    const server = await installation.start({ T_SYNC_RESPONSE_SECONDS: '20' });
    const client = await connectRaw(server.port);
    const boundary = 'slow';
    const { photo } = installation;
    const part = (name: string, more: string): string =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
    const head = Buffer.from(
      `${part('password', '')}${installation.environment.INGEST_PASSWORD}\r\n` +
        part('fileToUpload', '; filename="a.jpg"\r\nContent-Type: image/jpeg'),
    );
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    const size = head.length + photo.length + tail.length;
    await client.send(
      requestHead(
        [`Content-Type: multipart/form-data; boundary=${boundary}`, `Content-Length: ${size}`, 'Connection: close'],
        'POST /ingest/slot-002 HTTP/1.1',
      ),
    );
    await client.send(Buffer.concat([head, photo.subarray(0, 2_000)]));
    const payloads = async (): Promise<string[]> =>
      (await installation.files()).filter((file) => file.startsWith('payloads/'));
    await vi.waitFor(async () => expect(await payloads()).toHaveLength(1), 5_000);
    const environment = Object.fromEntries(
      Object.entries(installation.environment).map(([name, value]) => [`PHOTOCHANGER_${name}`, value]),
    );
    const cleaned = await runProgram('scripts/admin.ts', ['clean-up'], { environment, ...shiftedBy(offset) });
    expect(cleaned.code).toBe(0);
    await client.send(Buffer.concat([photo.subarray(2_000), tail]));
    expect((await client.closed).slice(0, 15)).toBe('HTTP/1.1 200 OK');
  });
});
