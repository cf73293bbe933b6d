/** The whole server at once: killed with photos under way, or asked to end while it holds fifty requests. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { makeHome, openHomeDatabase, postmasterOf, removeHome } from '../support/home.ts';
import {
  ageFiles,
  checkResults,
  createInstallation,
  filesBelow,
  finalEvents,
  type Installation,
  useGemini,
} from '../support/installation.ts';
import { reapPrograms, runProgram } from '../support/process.ts';
import { countJobs } from '../support/queue.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { prefixed, startServerProcess } from '../support/server-process.ts';

let installation: Installation;
let home: string;

beforeAll(async () => {
  installation = await createInstallation({ windowSeconds: 25 });
  home = makeHome();
});
afterEach(() => reapPrograms());
afterAll(async () => {
  await removeHome(home);
  await installation.end();
});

/** An upload that sends its head and half of its photo, and then nothing. Resolves when the server has begun to store it. */
async function halfAnUpload(port: number, mediaRoot: string): Promise<void> {
  const client = await connectRaw(port);
  const boundary = 'half';
  const head = [`Content-Type: multipart/form-data; boundary=${boundary}`, 'Content-Length: 100000'];
  const field = `--${boundary}\r\nContent-Disposition: form-data; name="password"\r\n\r\n${installation.environment.INGEST_PASSWORD}\r\n`;
  const file = `--${boundary}\r\nContent-Disposition: form-data; name="fileToUpload"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  const before = (await filesBelow(mediaRoot)).length;
  await client.send(requestHead(head, 'POST /ingest/slot-002 HTTP/1.1'));
  await client.send(Buffer.concat([Buffer.from(field + file), installation.photo.subarray(0, 2_000)]));
  await vi.waitFor(async () => expect((await filesBelow(mediaRoot)).length).toBe(before + 1), 5_000);
}

test('a killed server’s photos are finished after the next start, which adopts its database; one clean-up leaves results only', async () => {
  const environment = { ...installation.environment, HOME: home, DATABASE_URL: '', MEDIA_ROOT: '' };
  const mediaRoot = join(home, 'media');
  const first = await startServerProcess(environment);
  const { db, close } = openHomeDatabase(home);
  await useGemini(db);
  installation.gemini.setDefault({ kind: 'hang' });
  const before = installation.gemini.requests.length;
  const answers = Array.from({ length: 3 }, () => installation.post(first).catch((error: Error) => error));
  await installation.gemini.waitForRequest(before + 3);
  await halfAnUpload(first.port, mediaRoot);
  const postmaster = postmasterOf(home);
  await first.end('SIGKILL');
  expect((await Promise.all(answers)).every((answer) => answer instanceof Error)).toBe(true);
  expect(postmasterOf(home)).toBe(postmaster);

  installation.gemini.setDefault({ kind: 'success' });
  const second = await startServerProcess(environment);
  expect((await second.untilLogged('Embedded PostgreSQL is ready')).origin).toBe('adopted');
  await vi.waitFor(async () => expect(await countJobs(db, 'is_finalized and failure_reason is null')).toBe(3), 15_000);
  const jobs = await db.kysely.selectFrom('job').select(['id', 'claim_no']).execute();
  expect(jobs.map(({ claim_no }) => claim_no)).toEqual([2, 2, 2]);
  for (const { id } of jobs) expect(finalEvents(await listProcessingLog(db, id))).toEqual(['succeeded']);

  await ageFiles(mediaRoot);
  const cleaned = await runProgram('scripts/admin.ts', ['clean-up'], { environment: prefixed(environment) });
  expect(cleaned).toMatchObject({ code: 0, stdout: expect.stringContaining('1 files of no job') });
  const { known, faults } = await checkResults(db, mediaRoot);
  expect(faults).toEqual([]);
  expect(await filesBelow(mediaRoot)).toEqual(known);
  await close();
  expect(await second.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
  expect(postmasterOf(home)).toBeUndefined();
});

test('fifty held requests are all answered with their pictures after SIGTERM, and then the server ends in order', async () => {
  const { gemini, db } = installation;
  gemini.setDefault({ kind: 'success', delayMs: 2_500 });
  const server = await installation.start();
  const answers = Array.from({ length: 50 }, () => installation.post(server));
  await vi.waitFor(async () => expect(await countJobs(db, 'true')).toBe(50), 15_000);
  expect(await countJobs(db, 'not is_finalized')).toBe(50);
  const ending = server.end('SIGTERM');
  const statuses = (await Promise.all(answers)).map(({ status, body }) => ({ status, isPicture: body[0] === 0xff }));
  expect(statuses).toEqual(Array.from({ length: 50 }, () => ({ status: 200, isPicture: true })));
  expect(await ending).toMatchObject({ code: 0, signal: null });
  expect(await countJobs(db, 'is_finalized and failure_reason is null and claim_no = 1')).toBe(50);
  const { known, faults } = await checkResults(db, installation.mediaRoot);
  expect({ faults, files: await installation.files() }).toEqual({ faults: [], files: known });
});
