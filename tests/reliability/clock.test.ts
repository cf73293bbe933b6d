/** Processes whose clock is an hour wrong: the database's clock decides, and every deadline is counted, never compared. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { StationAnswer } from '../../scripts/station.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import {
  createInstallation,
  finalEvents,
  GEMINI_SLOT,
  INGEST_PASSWORD,
  type Installation,
  jobIdOf,
} from '../support/installation.ts';
import { reapPrograms } from '../support/process.ts';
import { readJob } from '../support/queue.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import type { ServerProcess } from '../support/server-process.ts';

const WINDOW_MS = 3_000;
const HOUR_MS = 3_600_000;
/** The process and the database measure the same upload, each with its own scheduling. */
const ROUNDING_MS = 250;

let installation: Installation;

beforeAll(async () => {
  installation = await createInstallation({ windowSeconds: WINDOW_MS / 1000 });
});
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
  let server: ServerProcess;
  let late: StationAnswer;
  beforeAll(async () => {
    server = await installation.start({}, shiftedBy(offset));
  });
  afterAll(() => reapPrograms());

  test('makes a picture whose link lives as long as any other', async () => {
    installation.gemini.setDefault({ kind: 'success', delayMs: 100 });
    const answer = await installation.post(server);
    expect(answer.status).toBe(200);
    const { id, finalized_at, result_expires_at } = await readJob(installation.db, jobIdOf(answer));
    expect(Math.abs(Date.now() - (finalized_at?.getTime() ?? 0))).toBeLessThan(10_000);
    expect((result_expires_at?.getTime() ?? 0) - (finalized_at?.getTime() ?? 0)).toBe(72 * HOUR_MS);
    const link = await fetch(`${server.url}/public/results/${id}`);
    expect(link.status).toBe(200);
    await link.arrayBuffer();
  });

  test('ends a photo at its deadline', async () => {
    installation.gemini.setDefault({ kind: 'hang' });
    late = await installation.post(server);
    expect(late.status).toBe(504);
    expect(late.timing.totalMs).toBeGreaterThan(WINDOW_MS - 50);
    expect(late.timing.totalMs).toBeLessThan(WINDOW_MS + 1_000);
    const job = await readJob(installation.db, jobIdOf(late));
    expect(job).toMatchObject({ is_finalized: true, failure_reason: 'timeout', claim_no: 1 });
    expect(job.expires_at.getTime() - job.created_at.getTime()).toBe(WINDOW_MS);
    expect(finalEvents(await installation.events(job.id))).toEqual(['timeout']);
  });

  test('names in its 504 the deadline that the job’s row has', async () => {
    const job = await readJob(installation.db, jobIdOf(late));
    const { details } = JSON.parse(late.body.toString()).error;
    expect(Math.abs(new Date(details.expires_at).getTime() - job.expires_at.getTime())).toBeLessThan(ROUNDING_MS);
  });
});

test('a clean-up whose clock is an hour fast leaves the upload of a moment ago alone', async () => {
  installation.gemini.setDefault({ kind: 'success' });
  const server = await installation.start({ T_SYNC_RESPONSE_SECONDS: '20' });
  const { head, body } = formOf(installation.photo);
  const client = await connectRaw(server.port);
  await client.send(Buffer.concat([head, body.subarray(0, 3_000)]));
  await vi.waitFor(async () => {
    expect(await installation.files()).toContainEqual(expect.stringMatching(/^payloads\//));
  }, 5_000);
  await installation.admin(['clean-up'], shiftedBy(HOUR_MS));
  await client.send(body.subarray(3_000));
  expect((await client.closed).slice(0, 15)).toBe('HTTP/1.1 200 OK');
});

/** The request in two pieces, so that it can be sent slowly. */
function formOf(photo: Buffer): { head: Buffer; body: Buffer } {
  const body = formBytes([
    { name: 'password', value: INGEST_PASSWORD },
    { name: 'fileToUpload', fileName: 'IMG_0001.JPG', bytes: photo },
  ]);
  const headers = [
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  return { head: Buffer.from(requestHead(headers, `POST /ingest/${GEMINI_SLOT} HTTP/1.1`)), body };
}
