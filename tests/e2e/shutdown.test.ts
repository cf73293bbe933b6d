/** The end of a server that holds requests: everyone is answered, and nothing of it keeps running. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isAlive } from '../../src/db/embedded/process-identity.ts';
import { BOUNDARY, type FormPart, formBytes } from '../support/form.ts';
import { makeHome, openHomeDatabase, ownershipOf, postmasterOf, removeHome } from '../support/home.ts';
import {
  createInstallation,
  GEMINI_SLOT,
  INGEST_PASSWORD,
  type Installation,
  useGemini,
} from '../support/installation.ts';
import { reapPrograms } from '../support/process.ts';
import { connectRaw, type RawClient, requestHead } from '../support/raw-http.ts';
import { launchServer, type ServerProcess, startServerProcess } from '../support/server-process.ts';

let installation: Installation;
let home: string;

beforeAll(async () => {
  installation = await createInstallation();
  home = makeHome();
});
afterEach(() => reapPrograms());
afterAll(async () => {
  await removeHome(home);
  await installation.end();
});

/** A server on the home's own database, whose Gemini takes a second and a half. */
async function startSlow(): Promise<ServerProcess> {
  const server = await startServerProcess({
    ...installation.environment,
    HOME: home,
    DATABASE_URL: '',
    MEDIA_ROOT: '',
  });
  const { db, close } = openHomeDatabase(home);
  await useGemini(db);
  await close();
  installation.gemini.setDefault({ kind: 'success', delayMs: 1_500 });
  return server;
}

/** Posts a photo over a connection that stays open afterwards. */
async function holdOpen(server: ServerProcess): Promise<RawClient> {
  const parts: FormPart[] = [
    { name: 'password', value: INGEST_PASSWORD },
    { name: 'fileToUpload', fileName: 'IMG_0001.JPG', bytes: installation.photo },
  ];
  const body = formBytes(parts);
  const headers = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, `Content-Length: ${body.length}`];
  const client = await connectRaw(server.port);
  await client.send(requestHead(headers, `POST /ingest/${GEMINI_SLOT} HTTP/1.1`));
  await client.send(body);
  return client;
}

describe.each(['SIGTERM', 'SIGINT'] as const)('after %s', (signal) => {
  test('held requests are answered, new photos are refused in words, and the server ends with its database', async () => {
    const server = await startSlow();
    const before = installation.gemini.requests.length;
    const answers = Array.from({ length: 4 }, () => installation.post(server));
    await installation.gemini.waitForRequest(before + 4);
    const postmaster = postmasterOf(home) as number;
    const ending = server.end(signal);
    await server.untilLogged('shutting down: finishing what is held', { signal });
    const late = await installation.post(server);
    expect(late.status).toBe(503);
    expect(JSON.parse(late.body.toString())).toMatchObject({ error: { code: 'queue_unavailable' } });
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await ending).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(isAlive(postmaster)).toBe(false);
    expect(ownershipOf(home)).toBe('released');
  });
});

test('a second signal does not hurry the end', async () => {
  const server = await startSlow();
  const before = installation.gemini.requests.length;
  const answer = installation.post(server);
  await installation.gemini.waitForRequest(before + 1);
  server.signal('SIGTERM');
  await server.untilLogged('shutting down: finishing what is held');
  const ending = server.end('SIGINT');
  expect((await answer).status).toBe(200);
  expect(await ending).toMatchObject({ code: 0, signal: null });
});

test('a load balancer learns from /readyz that the server drains', async () => {
  const server = await startSlow();
  const before = installation.gemini.requests.length;
  const answer = installation.post(server);
  await installation.gemini.waitForRequest(before + 1);
  const ending = server.end('SIGTERM');
  await server.untilLogged('shutting down: finishing what is held');
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    error: { code: 'not_ready', details: { checks: { draining: { ok: false } } } },
  });
  expect((await answer).status).toBe(200);
  expect(await ending).toMatchObject({ code: 0, signal: null });
});

test('a client that keeps its connection open after its picture does not delay the end', async () => {
  const server = await startSlow();
  const before = installation.gemini.requests.length;
  const client = await holdOpen(server);
  await installation.gemini.waitForRequest(before + 1);
  const ending = server.end('SIGTERM');
  await client.until(/^HTTP\/1\.1 200 OK\r\n/);
  const answeredAt = performance.now();
  expect(await ending).toMatchObject({ code: 0, signal: null });
  expect(performance.now() - answeredAt).toBeLessThan(5_000);
  await client.closed;
});

test('a server told to end while it starts leaves no process behind', async () => {
  const { program } = await launchServer({ ...installation.environment, HOME: home, DATABASE_URL: '', MEDIA_ROOT: '' });
  await program.until(/Embedded PostgreSQL is ready/);
  await program.end('SIGTERM');
  expect(postmasterOf(home)).toBeUndefined();
  expect(ownershipOf(home)).toBe('released');
});
