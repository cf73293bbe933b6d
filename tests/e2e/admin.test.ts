/** The administrator's command line, beside a running server and on its own database. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postPhoto, type StationAnswer } from '../../scripts/station.ts';
import { makeHome, openHomeDatabase, removeHome } from '../support/home.ts';
import {
  createInstallation,
  GEMINI_API_KEY,
  GEMINI_SLOT,
  INGEST_PASSWORD,
  type Installation,
  useGemini,
} from '../support/installation.ts';
import { type Ending, reapPrograms, runProgram } from '../support/process.ts';
import { prefixed, type ServerProcess, startServerProcess } from '../support/server-process.ts';

let installation: Installation;
let home: string;
let server: ServerProcess;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  installation = await createInstallation();
  home = makeHome();
  environment = { ...installation.environment, HOME: home, DATABASE_URL: '', MEDIA_ROOT: '' };
  server = await startServerProcess(environment);
  const { db, close } = openHomeDatabase(home);
  await useGemini(db);
  await close();
});
afterAll(async () => {
  await reapPrograms();
  await removeHome(home);
  await installation.end();
});

const admin = (...words: string[]): Promise<Ending> =>
  runProgram('scripts/admin.ts', words, { environment: prefixed(environment) });

const post = (password: string, slotId = 'slot-001'): Promise<StationAnswer> =>
  postPhoto({ url: `${server.url}/ingest/${slotId}`, password, photo: installation.photo, timeoutMs: 60_000 });

async function slot(id: string): Promise<Record<string, unknown>> {
  const { code, stdout } = await admin('slot', 'show', id);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

test('a slot is changed by a command that a dry run shows first, and the next photo already feels it', async () => {
  const change = ['slot', 'set', 'slot-003', '--name', 'Winter party', '--set', 'effect=sepia', '--enable'];
  const before = await slot('slot-003');
  expect(before).toMatchObject({ isEnabled: false });
  expect((await post(INGEST_PASSWORD, 'slot-003')).status).toBe(503);
  const dry = await admin(...change, '--dry-run');
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Would become:[\s\S]*"Winter party"/) });
  expect(await slot('slot-003')).toEqual(before);
  expect(await admin(...change)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Is now:[\s\S]*"sepia"/) });
  const { stdout } = await admin('slot', 'list');
  expect(stdout).toMatch(/^slot-003 +on +Winter party +studio\/filter +\{"effect":"sepia"\}$/m);
  expect(stdout.match(/^slot-\d{3} /gm)).toHaveLength(15);
  expect((await post(INGEST_PASSWORD, 'slot-003')).status).toBe(200);
});

test('a slot’s history tells who changed what, and an earlier version is brought back', async () => {
  await admin('slot', 'set', 'slot-005', '--name', 'Old name', '--set', 'effect=noir', '--keep-original-hours', '12');
  await admin('slot', 'set', 'slot-005', '--name', 'New name');
  const told = await admin('slot', 'history', 'slot-005');
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toMatch(/^3 +\S+Z +command line +updated +\/name$/m);
  expect(told.stdout).toMatch(
    /^2 +\S+Z +command line +updated .*\/name \/keep_original_hours \/settings_json\/effect$/m,
  );
  expect(told.stdout).toMatch(/^1 +\S+Z +created$/m);
  expect(await admin('slot', 'restore', 'slot-005', '2')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Is now:[\s\S]*"Old name"/),
  });
  expect((await admin('slot', 'history', 'slot-005')).stdout).toMatch(/^4 +\S+Z +command line +restored 2 +\/name$/m);
  expect(await admin('slot', 'restore', 'slot-005', '99')).toMatchObject({
    code: 1,
    stderr: 'slot-005 has no version 99.\n',
  });
});

test('a slot gets a fallback chain and a budget, and whoever set it is told what they lack', async () => {
  const set = (...words: string[]) => admin('slot', 'set', 'slot-006', ...words);
  const dry = await set('--fallback', 'gemini/image_edit={"prompt":"A comic."}', '--fallback-studio', '--dry-run');
  expect(dry.stdout).toMatch(/^Would become:[\s\S]*Warning: Links that follow the built-in studio are never reached/);
  const gemini = ['--provider', 'gemini', '--operation', 'image_edit', '--set', 'prompt=A comic.'];
  const budget = await set(...gemini, '--fallback-studio', '--daily-budget', '2.5', '--repeat-paid-calls', 'never');
  expect(budget.stdout).toContain('Warning: The daily budget does not count calls without a price: Google Gemini');
  const studio = { providerId: 'studio', operationId: 'frame', settings: {} };
  expect(await slot('slot-006')).toMatchObject({ fallback: [studio], dailyBudget: 2.5, repeatPaidCalls: 'never' });
  expect(await set('--fallback', 'studio/frame={"bogus":1}')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('/fallback/0/settings_json/bogus is not known'),
  });
});

test('prices are set, listed and removed, one model or all of a provider', async () => {
  const currency = await admin('price', 'set', 'gemini', '0.04');
  expect(currency).toMatchObject({ code: 2, stderr: expect.stringContaining('EUR') });
  const set = await admin('price', 'set', 'gemini', '0.04', '--currency', 'EUR');
  expect(set).toMatchObject({ code: 0, stdout: 'A call of gemini costs 0.04 EUR.\n' });
  await admin('price', 'set', 'gemini', '0.134', '--model', 'gemini-3-pro-image');
  expect((await admin('price', 'list')).stdout).toMatch(
    /^gemini +\* +0\.04 +EUR\ngemini +gemini-3-pro-image +0\.134 +EUR$/m,
  );
  expect(await admin('price', 'remove', 'gemini')).toMatchObject({ code: 0 });
  expect(await admin('price', 'remove', 'gemini')).toMatchObject({ code: 2 });
});

test('settings that the contract does not allow are refused with every fault, and nothing changes', async () => {
  const before = await slot('slot-004');
  const { code, stdout, stderr } = await admin(
    'slot',
    'set',
    'slot-004',
    '--set',
    'effect=no-such-effect',
    '--set',
    'bogus=1',
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('/effect');
  expect(stderr).toContain('bogus');
  expect(await slot('slot-004')).toEqual(before);
});

test('a rotated ingest password opens from the next photo on, the old one does not, and a held request is not disturbed', async () => {
  installation.gemini.plan({ kind: 'success', delayMs: 3_000 });
  const before = installation.gemini.requests.length;
  const held = post(INGEST_PASSWORD, GEMINI_SLOT);
  await installation.gemini.waitForRequest(before + 1);
  expect(await admin('ingest-password', 'set', 'rotated-password')).toMatchObject({ code: 0, stderr: '' });
  expect((await post(INGEST_PASSWORD)).status).toBe(401);
  expect((await post('rotated-password')).status).toBe(200);
  expect((await held).status).toBe(200);
  const made = await admin('ingest-password', 'set');
  const password = /is (\S+)$/m.exec(made.stdout)?.[1] ?? '';
  expect((await post('rotated-password')).status).toBe(401);
  expect((await post(password)).status).toBe(200);
  await admin('ingest-password', 'set', INGEST_PASSWORD);
});

test('a provider’s limits are shown and changed', async () => {
  const listed = async (): Promise<string> => (await admin('provider', 'list')).stdout;
  expect(await listed()).toMatch(/^gemini +ready +64 +500 +2000 +no limit +image_edit/m);
  const changed = await admin(
    'provider',
    'set',
    'gemini',
    '--running-max',
    '3',
    '--calls-per-minute',
    'none',
    '--calls-per-day',
    '1500',
    '--open-max',
    '7',
  );
  expect(changed).toMatchObject({ code: 0, stderr: '' });
  const after = await listed();
  expect(after).toMatch(/^gemini +ready +3 +no limit +1500 +7 +image_edit/m);
  expect(after).not.toContain(GEMINI_API_KEY);
});

test('a job is told step by step, with every attempt and the provider’s own reason', async () => {
  installation.gemini.plan({ kind: 'no_image' });
  const answer = await post(INGEST_PASSWORD, GEMINI_SLOT);
  expect(answer.status).toBe(200);
  const { code, stdout } = await admin('job', 'show', answer.headers.get('x-job-id') ?? '');
  expect(code).toBe(0);
  const steps = stdout.split('\n').flatMap((line) => /^\S+Z +(\w+)/.exec(line)?.[1] ?? []);
  expect(steps).toEqual([
    'received',
    'dispatched',
    'provider_responded',
    'dispatched',
    'provider_responded',
    'succeeded',
  ]);
  expect(stdout).toContain('NO_IMAGE');
});

test('a dry clean-up counts and removes nothing', async () => {
  const { code, stdout } = await admin('clean-up', '--dry-run');
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^Would remove: (?:0 [a-z ]+(?:, |\.\n$))+/),
  });
});

test.each([
  [['frobnicate']],
  [['slot', 'set']],
  [['slot', 'set', 'slot-001', '--enable', '--disable']],
  [['slot', 'set', 'slot-001', '--no-such-option']],
  [['slot', 'set', 'slot-001', '--name', '']],
  [['slot', 'set', 'slot-001', '--keep-original-hours', '721']],
  [['slot', 'set', 'slot-016', '--enable']],
  [['slot', 'set', 'slot-001', '--no-fallback', '--fallback-studio']],
  [['price', 'set', 'gemini', '0.0000001', '--currency', 'EUR']],
  [['slot', 'history']],
  [['slot', 'restore', 'slot-001', 'first']],
  [['provider', 'set', 'gemini', '--running-max', '0']],
  [['provider', 'set', 'gemini', '--no-such-option']],
  [['job', 'show', 'not-a-job-id']],
  [['clean-up', '--dryrun']],
])('what makes no sense ends with 2 and a line that helps: %j', async (words) => {
  const { code, stdout, stderr } = await admin(...words);
  expect({ code, output: stdout + stderr }).toEqual({ code: 2, output: expect.stringMatching(/\S/) });
  expect(stderr).not.toMatch(/\n\s+at /);
});
