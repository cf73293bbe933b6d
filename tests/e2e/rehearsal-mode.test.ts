/** A whole server that rehearses: it reaches simulators only, says so everywhere, and keeps away from real data. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAdministration } from '../../scripts/rehearsal/administration.ts';
import { postPhoto } from '../../scripts/station.ts';
import { REHEARSAL_KEY, SIMULATED_PROVIDERS } from '../../src/config/rehearsal.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { makeHome, postmasterOf, removeHome } from '../support/home.ts';
import { ask } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { type Program, reapPrograms, runProgram, startProgram } from '../support/process.ts';
import { connectRaw } from '../support/raw-http.ts';
import { launchServer, prefixed, type ServerProcess, startServerProcess } from '../support/server-process.ts';

const INGEST_PASSWORD = 'of-the-stations';
const ADMIN_PASSWORD = 'of-the-administrator';
const METRICS_TOKEN = 'token-of-the-metrics';
const REAL_KEY = 'a-key-that-costs-money';

let home: string;
let simulators: Program;
let server: ServerProcess;
/** Stands for every service and database that a real installation is configured for. */
let world: Server;
let worldConnections = 0;
let environment: Record<string, string>;

beforeAll(async () => {
  home = makeHome();
  world = createServer((_request, response) => response.writeHead(500).end());
  world.on('connection', () => {
    worldConnections += 1;
  });
  await new Promise<void>((resolve) => world.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(world.address() as AddressInfo).port}`;
  environment = {
    HOME: home,
    REHEARSAL: '1',
    SIMULATORS_PORT: String(await findFreePort()),
    INGEST_PASSWORD,
    ADMIN_PASSWORD,
    METRICS_TOKEN,
    METRICS_PORT: String(await findFreePort()),
    MEDIA_FREE_BYTES_MIN: '0',
    DATABASE_URL: url.replace('http:', 'postgres:'),
    MEDIA_ROOT: join(home, 'real-pictures'),
    PUBLIC_BASE_URL: url,
    ...Object.fromEntries(
      SIMULATED_PROVIDERS.flatMap((provider) => [
        [`${provider.toUpperCase()}_BASE_URL`, url],
        [`${provider.toUpperCase()}_API_KEY`, REAL_KEY],
      ]),
    ),
  };
});
afterAll(async () => {
  await reapPrograms();
  world.close();
  await removeHome(join(home, 'rehearsal'));
  await removeHome(home);
});

const isMarked = (headers: ReadonlyMap<string, string>): boolean => headers.get('photochanger-rehearsal') === '1';

test('without its simulators it does not start, says what to do, and leaves nothing', async () => {
  const { program } = await launchServer(environment);
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  for (const provider of SIMULATED_PROVIDERS) expect(stderr).toContain(`${provider} does not answer`);
  expect(stderr).toContain('npm run simulators');
  expect(existsSync(join(home, 'rehearsal'))).toBe(false);
});

test('one command starts all simulators, where a rehearsal looks for them', async () => {
  // only the rehearsal's key is taken: another one would end in 502 below
  const options = ['--port', environment.SIMULATORS_PORT as string, '--api-key', REHEARSAL_KEY];
  simulators = startProgram('scripts/simulators/main.ts', options);
  await simulators.until(/"provider":"bfl"/);
  const lines = simulators.output().stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).provider)).toEqual(SIMULATED_PROVIDERS);
});

test('something else at a simulator’s port does not get the photos', async () => {
  const port = (world.address() as AddressInfo).port;
  const { program } = await launchServer({ ...environment, SIMULATORS_PORT: String(port) });
  const { code, stderr } = await program.ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`http://127.0.0.1:${port} is not the simulator of gemini.`);
  worldConnections = 0;
});

test('it starts beside whatever is configured for real work, and says what it does not use', async () => {
  server = await startServerProcess(environment);
  const { stdout } = server.output();
  expect(stdout).toContain('THIS IS A REHEARSAL');
  for (const name of ['DATABASE_URL', 'MEDIA_ROOT', 'PUBLIC_BASE_URL', 'GEMINI_API_KEY', 'BFL_BASE_URL'])
    expect(stdout).toContain(`PHOTOCHANGER_${name} is ignored: this is a rehearsal.`);
  expect(postmasterOf(join(home, 'rehearsal'))).toBeDefined();
  expect(existsSync(join(home, 'postgres'))).toBe(false);
  expect(existsSync(join(home, 'real-pictures'))).toBe(false);
});

test('every provider’s picture comes from its simulator and bears the stamp; stored keys are not used', async () => {
  const photo = await makePhoto({ widthPx: 400, heightPx: 300 });
  const administration = await createAdministration(server.url, 'admin', ADMIN_PASSWORD);
  for (const provider of SIMULATED_PROVIDERS) {
    await administration.put('/api/settings', { provider_keys: { [provider]: { api_key: REAL_KEY } } });
    await administration.put('/api/slots/slot-002', {
      name: provider,
      provider_id: provider,
      operation_id: 'image_edit',
      settings_json: { prompt: 'A comic.' },
      is_enabled: true,
    });
    const url = `${server.url}/ingest/slot-002`;
    const answer = await postPhoto({ url, password: INGEST_PASSWORD, photo, timeoutMs: 60_000 });
    expect({ provider, status: answer.status, by: answer.headers.get('photochanger-provider') }).toEqual({
      provider,
      status: 200,
      by: provider,
    });
    expect(isMarked(answer.headers)).toBe(true);
    expect(await isStamped(answer.body)).toBe(true);
  }
});

/** Whether the band at the bottom holds the white dots of letters on dark ground. */
async function isStamped(picture: Buffer): Promise<boolean> {
  const { width, height } = await sharp(picture).metadata();
  const band = { left: Math.round(width * 0.2), width: Math.round(width * 0.6), height: Math.round(width * 0.1) };
  const { data } = await sharp(picture)
    .extract({ ...band, top: height - band.height })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const white = data.filter((shade) => shade > 230).length / data.length;
  return white > 0.1 && white < 0.6;
}

test('every answer is marked: of operations, of errors, of what is no HTTP, and of the metrics’ own listener', async () => {
  const paths = ['/healthz', '/openapi.json', '/nothing-here', '/api/slots', '/metrics', '/public/results/x'];
  for (const path of paths) expect(isMarked((await ask(`${server.url}${path}`)).headers), path).toBe(true);
  const metrics = await ask(`http://127.0.0.1:${environment.METRICS_PORT}/metrics`);
  expect({ status: metrics.status, isMarked: isMarked(metrics.headers) }).toEqual({ status: 200, isMarked: true });
  const raw = await connectRaw(server.port);
  await raw.send('this is no HTTP\r\n\r\n');
  expect(await raw.closed).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\nPhotoChanger-Rehearsal: 1\r\n/);
});

test('the administrator’s command line looks at the rehearsal, too', async () => {
  const { code, stdout } = await runProgram('scripts/admin.ts', ['slot', 'list'], {
    environment: prefixed(environment),
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^slot-002 +on +bfl /m) });
});

test('readiness and every line of the log say so', async () => {
  const ready = await ask(`${server.url}/readyz`);
  expect(JSON.parse(ready.body.toString())).toMatchObject({ status: 'ready', rehearsal: true });
  const lines = server.logged();
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((line) => line['rehearsal'] !== true)).toEqual([]);
});

test('nothing of the real world was ever connected to', () => {
  expect(worldConnections).toBe(0);
});

test('its home is not taken for a real one, and no real one for its own', async () => {
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
  const real = await launchServer({ HOME: join(home, 'rehearsal'), INGEST_PASSWORD });
  expect(await real.program.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('belongs to a rehearsal'),
  });

  const parent = makeHome();
  const used = await startServerProcess({ HOME: join(parent, 'rehearsal'), INGEST_PASSWORD });
  expect(used.logged().some((line) => 'rehearsal' in line)).toBe(false);
  expect(isMarked((await ask(`${used.url}/healthz`)).headers)).toBe(false);
  expect(JSON.parse((await ask(`${used.url}/readyz`)).body.toString())).toMatchObject({ rehearsal: false });
  await used.end('SIGTERM');
  const { program } = await launchServer({ ...environment, HOME: parent });
  expect(await program.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('was not made by a rehearsal'),
  });
  await removeHome(join(parent, 'rehearsal'));
  await removeHome(parent);
});
