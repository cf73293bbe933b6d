/** What a server writes while things go well and badly: one line of JSON for each request, and never a secret or a picture. */
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { postPhoto } from '../../scripts/station.ts';
import { databasePasswordOf, makeHome, openHomeDatabase, removeHome } from '../support/home.ts';
import {
  createInstallation,
  GEMINI_API_KEY,
  GEMINI_SLOT,
  INGEST_PASSWORD,
  type Installation,
  useGemini,
} from '../support/installation.ts';
import { reapPrograms } from '../support/process.ts';
import { logLinesOf, startBlockOf, startServerProcess } from '../support/server-process.ts';

/** Line breaks and quotes in what clients send must not make or break a line. */
const NASTY = 'a"\r\n{"level":"info","msg":"forged"}';
const WRONG_PASSWORD = 'wrong-password-of-a-guest';
const LINE_LENGTH_MAX = 8_000;

let installation: Installation;
let home: string;

beforeAll(async () => {
  installation = await createInstallation({ windowSeconds: 6 });
  home = makeHome();
});
afterEach(() => reapPrograms());
afterAll(async () => {
  await removeHome(home);
  await installation.end();
});

/** A station that hangs up in the middle of its photo. */
async function hangUp(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const head = [
    'POST /ingest/slot-001 HTTP/1.1',
    'Host: station',
    'Content-Type: multipart/form-data; boundary=b',
    'Content-Length: 99999',
    '',
    '--b',
    'Content-Disposition: form-data; name="password"',
    '',
    INGEST_PASSWORD,
  ].join('\r\n');
  await new Promise<void>((resolve) => {
    socket.write(head, () => {
      socket.destroy();
      resolve();
    });
  });
}

test('every request has one line of JSON, and no line holds a secret, a picture or a stranger’s line break', async () => {
  const { gemini, photo } = installation;
  const environment = { ...installation.environment, HOME: home, DATABASE_URL: '', MEDIA_ROOT: '', LOG_LEVEL: 'trace' };
  const server = await startServerProcess(environment);
  const { db, close } = openHomeDatabase(home);
  await useGemini(db);
  const post = (slotId: string, password = INGEST_PASSWORD, bytes = photo) =>
    postPhoto({
      url: `${server.url}/ingest/${slotId}?token=${encodeURIComponent(NASTY)}`,
      password,
      photo: bytes,
      fileName: 'IMG_0001.JPG',
      extraFields: { survey: NASTY },
      timeoutMs: 60_000,
    });
  gemini.plan(
    { kind: 'no_image' },
    { kind: 'status', status: 503, message: NASTY },
    { kind: 'success' },
    { kind: 'hang' },
    // the last: a key that is refused is not used again
    { kind: 'bad_key' },
  );
  const asked = [
    await post('slot-001'),
    await post(GEMINI_SLOT),
    await post(GEMINI_SLOT),
    await post(GEMINI_SLOT),
    await post('slot-001', WRONG_PASSWORD),
    await post('slot-001', INGEST_PASSWORD, Buffer.from('this is no photo')),
    await post('slot-099'),
    await post('slot-015'),
  ];
  expect(asked.map(({ status }) => status)).toEqual([200, 200, 504, 502, 401, 415, 404, 503]);
  await fetch(`${server.url}/${encodeURIComponent(NASTY)}`).then((answer) => answer.text());
  await fetch(`${server.url}/readyz`).then((answer) => answer.text());
  await hangUp(server.port);
  await server.untilLogged('request', { sent: 'gone' });
  // a broken database connection is a failure with a stack and a cause
  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'photochanger%'`,
  );
  await server.untilLogged('Database notifications arrive again');
  await close();
  const { code, stdout, stderr } = await server.end('SIGTERM');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

  const lines = logLinesOf(stdout);
  expect(startBlockOf(stdout)).toMatch(/^PhotoChanger listens on /);
  expect(
    startBlockOf(stdout)
      .split('\n')
      .filter((line) => /forged|[{}]/.test(line)),
  ).toEqual([]);
  for (const line of lines)
    expect(line).toMatchObject({ level: expect.any(String), time: expect.any(String), msg: expect.any(String) });
  expect(lines.filter(({ msg }) => msg === 'forged')).toEqual([]);
  const requests = lines.filter(({ msg }) => msg === 'request');
  expect(requests).toHaveLength(asked.length + 3);
  for (const { headers, status } of asked) {
    const own = requests.filter((line) => line.request_id === headers.get('x-request-id'));
    expect(own).toEqual([expect.objectContaining({ status, method: 'POST', duration_ms: expect.any(Number) })]);
  }

  const secrets = [INGEST_PASSWORD, WRONG_PASSWORD, GEMINI_API_KEY, databasePasswordOf(home), '$argon2id$'];
  for (const secret of secrets) expect(stdout).not.toContain(secret);
  const pictures = [photo, installation.picture];
  const traces = pictures.flatMap((bytes) => [
    bytes.toString('base64', 0, 30),
    bytes.toString('hex', 0, 16),
    bytes.toString('utf8', 0, 12),
  ]);
  for (const trace of traces) expect(stdout).not.toContain(trace);
  expect(stdout).not.toMatch(/"type":"Buffer"|[A-Za-z0-9+/=]{200}/);
  expect(stdout.split('\n').filter((line) => line.length > LINE_LENGTH_MAX)).toEqual([]);
});
