/** Secrets on the administrator's command line, beside a running server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInstallation, GEMINI_API_KEY, type Installation } from '../support/installation.ts';
import { type Ending, reapPrograms, runProgram } from '../support/process.ts';
import { prefixed, type ServerProcess } from '../support/server-process.ts';
import { eventually } from '../support/slots.ts';

let installation: Installation;
let environment: Readonly<Record<string, string>>;
let server: ServerProcess;

const startServer = () => installation.start({ GEMINI_API_KEY: '' });

beforeAll(async () => {
  installation = await createInstallation();
  environment = { ...installation.environment, GEMINI_API_KEY: '' };
  server = await startServer();
});
afterAll(async () => {
  await reapPrograms();
  await installation.end();
});

const admin = (words: readonly string[], input?: string): Promise<Ending> =>
  runProgram('scripts/admin.ts', words, { environment: prefixed(environment), ...(input !== undefined && { input }) });

const keyFile = () => readFileSync(join(environment.HOME as string, 'master-keys.json'), 'utf8');
const statusOf = async (): Promise<number> => (await installation.post(server)).status;

test('a key is piped in, encrypted, and used by the running server at once; it is never shown', async () => {
  expect(await statusOf()).toBe(503);
  const ending = await admin(['provider', 'key', 'gemini'], `${GEMINI_API_KEY}\n`);
  expect(ending).toMatchObject({ code: 0, stdout: 'The key of gemini is set.\n', stderr: '' });
  await eventually(async () => expect(await statusOf()).toBe(200));
  const listed = await admin(['provider', 'list']);
  expect(listed.stdout).toMatch(/^gemini +ready/m);
  expect(listed.stdout + server.output().stdout).not.toContain(GEMINI_API_KEY);
  const { rows } = await installation.database.pool.query('select actor, action, details from audit_event');
  expect(rows).toContainEqual({ actor: 'command line', action: 'provider_key.set', details: {} });
});

test.each([
  ['nothing', ['provider', 'key', 'gemini'], ''],
  ['a key on the command line', ['provider', 'key', 'gemini', 'AIzaOnTheCommandLine'], ''],
  ['a key for a provider without one', ['provider', 'key', 'studio'], 'some-key'],
])('%s is refused in words that do not repeat it', async (_what, words, input) => {
  const { code, stdout, stderr } = await admin(words, input);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/\w+/);
  expect(stderr).not.toMatch(/AIzaOnTheCommandLine|some-key/);
  expect(await statusOf()).toBe(200);
});

test('the master key is changed beside the running server, which goes on, and starts again with it', async () => {
  const before = keyFile();
  const dry = await admin(['secrets', 'rotate', '--dry-run']);
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('Would encrypt provider-key:gemini.') });
  expect(keyFile()).toBe(before);
  const ending = await admin(['secrets', 'rotate']);
  expect(ending).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^Done\.$/m) });
  expect(keyFile()).not.toBe(before);
  for (const { key } of [...JSON.parse(before).keys, ...JSON.parse(keyFile()).keys])
    expect(dry.stdout + ending.stdout).not.toContain(key);
  expect(await statusOf()).toBe(200);
  await server.end('SIGTERM');
  server = await startServer();
  expect(await statusOf()).toBe(200);
});

test('without its master key the server does not start, and says what to do; what is lost can be forgotten', async () => {
  await server.end('SIGTERM');
  const other = {
    ...environment,
    SETTINGS_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    HOME: `${environment.HOME}/other`,
  };
  const refused = await runProgram('src/main.ts', [], { environment: prefixed(other) });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^PhotoChanger did not start\.\nThe master key [0-9a-f]{16} is missing; it encrypted: /,
  );
  const forget = (...words: string[]) =>
    runProgram('scripts/admin.ts', ['secrets', 'forget', ...words], { environment: prefixed(other) });
  expect((await forget('--dry-run')).stdout).toContain('Would forget: ');
  expect((await forget()).stdout).toContain('provider-key:gemini');
  expect((await forget()).stdout).toContain('there is nothing to forget');
  server = await installation.start({ ...other, GEMINI_API_KEY: '' });
  expect(await statusOf()).toBe(503);
});
