/** Administrators and token keys from the command line, beside a running server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer } from '../support/administrators.ts';
import { readParts } from '../support/forge-token.ts';
import { ask, refusal } from '../support/http.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { type Ending, reapPrograms, runProgram } from '../support/process.ts';
import { prefixed, type ServerProcess } from '../support/server-process.ts';
import { signInAs } from '../support/sign-in.ts';

const ADMIN_PASSWORD = 'password of the environment';

let installation: Installation;
let server: ServerProcess;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  installation = await createInstallation();
  environment = { ...installation.environment, ADMIN_PASSWORD };
  server = await installation.start({ ADMIN_PASSWORD });
});
afterAll(async () => {
  await reapPrograms();
  await installation.end();
});

const admin = (words: readonly string[], input?: string): Promise<Ending> =>
  runProgram('scripts/admin.ts', words, { environment: prefixed(environment), ...(input !== undefined && { input }) });

async function signIn(name: string, password: string): Promise<string> {
  const answer = await signInAs(server, name, password);
  return answer.status === 200 ? JSON.parse(answer.body.toString()).access_token : refusal(answer);
}

const me = async (token: string): Promise<string> =>
  refusal(await ask(`${server.url}/api/me`, { headers: bearer(token) }));

const passwordIn = ({ stdout }: Ending): string => / is (\S+)$/m.exec(stdout)?.[1] ?? '';

test('the administrator of the first run has the password of the environment and every permission', async () => {
  const token = await signIn('admin', ADMIN_PASSWORD);
  expect(readParts(token).payload).toMatchObject({
    sub: 'admin',
    permissions: ['settings:read', 'settings:write', 'slots:write', 'stats:read'],
  });
  expect(server.output().stdout).not.toContain(ADMIN_PASSWORD);
});

test('an administrator is added with a made password, listed, and signs in with exactly the permissions given', async () => {
  const added = await admin(['user', 'add', 'serg', '--permissions', 'stats:read,slots:write']);
  expect(added).toMatchObject({ code: 0, stderr: '' });
  const token = await signIn('serg', passwordIn(added));
  expect(readParts(token).payload.permissions).toEqual(['slots:write', 'stats:read']);
  expect((await admin(['user', 'list'])).stdout).toMatch(/^serg +enabled +\d{4}-\S+Z +slots:write,stats:read$/m);
  expect(await admin(['user', 'add', 'serg'])).toMatchObject({ code: 2, stdout: '' });
  expect(await me(token)).toBe('200');
});

test('a password is piped in, never a word of the command; one that is too short is refused', async () => {
  const word = 'piped in by a script';
  const piped = await admin(['user', 'add', 'igor', '--password-stdin'], `${word}\n`);
  expect(piped).toMatchObject({ code: 0, stdout: 'igor is added.\n', stderr: '' });
  expect(await me(await signIn('igor', word))).toBe('200');
  expect((await admin(['user', 'password', 'igor', word])).code).toBe(2);
  expect((await admin(['user', 'password', 'igor', '--password-stdin'], 'short\n')).code).toBe(1);
  expect((await admin(['user', 'password', 'igor', '--password-stdin'], '')).code).toBe(2);
  expect(await me(await signIn('igor', word))).toBe('200');
});

test('another password ends the tokens of before in the running server, and only it opens', async () => {
  const before = passwordIn(await admin(['user', 'add', 'olga']));
  const token = await signIn('olga', before);
  const after = passwordIn(await admin(['user', 'password', 'olga']));
  expect(await me(token)).toBe('401 unauthorized');
  expect(await signIn('olga', before)).toBe('401 invalid_credentials');
  expect(await me(await signIn('olga', after))).toBe('200');
});

test('a disabled administrator is out at once and comes in again when enabled; permissions hold at once', async () => {
  const password = passwordIn(await admin(['user', 'add', 'ivan', '--permissions', 'none']));
  const token = await signIn('ivan', password);
  const slots = async (with_: string) => refusal(await ask(`${server.url}/api/slots`, { headers: bearer(with_) }));
  expect(await slots(token)).toBe('403 forbidden');
  expect(await admin(['user', 'permissions', 'ivan', 'slots:write'])).toMatchObject({ code: 0 });
  expect(await slots(token)).toBe('200');
  expect(await admin(['user', 'disable', 'ivan'])).toMatchObject({ code: 0 });
  expect(await me(token)).toBe('401 unauthorized');
  expect(await signIn('ivan', password)).toBe('401 invalid_credentials');
  expect(await admin(['user', 'enable', 'ivan'])).toMatchObject({ code: 0 });
  expect(await me(token)).toBe('401 unauthorized');
  expect(await me(await signIn('ivan', password))).toBe('200');
});

test('a rotated token key signs in the running server; --end-tokens ends every token', async () => {
  const before = await signIn('admin', ADMIN_PASSWORD);
  const rotated = await admin(['token-key', 'rotate']);
  const kid = /key ([0-9a-f]{16}) signs now/.exec(rotated.stdout)?.[1];
  const after = await signIn('admin', ADMIN_PASSWORD);
  expect(readParts(after).header.kid).toBe(kid);
  expect([await me(before), await me(after)]).toEqual(['200', '200']);
  const { stdout } = await admin(['token-key', 'list']);
  expect(stdout).toMatch(new RegExp(`^${kid} +\\S+Z +signs$`, 'm'));
  expect(stdout).toMatch(new RegExp(`^${readParts(before).header.kid} +\\S+Z +verifies until \\S+Z$`, 'm'));
  expect(await admin(['token-key', 'rotate', '--end-tokens'])).toMatchObject({ code: 0, stderr: '' });
  expect([await me(before), await me(after)]).toEqual(['401 unauthorized', '401 unauthorized']);
  expect(await me(await signIn('admin', ADMIN_PASSWORD))).toBe('200');
});

test('every change is written down as the command line’s', async () => {
  const { rows } = await installation.database.pool.query<{ action: string; object_id: string; details: object }>(
    `select action, object_id, details from audit_event where actor = 'command line' order by occurred_at, id`,
  );
  expect(rows).toEqual(
    expect.arrayContaining([
      { action: 'administrator.added', object_id: 'serg', details: { permissions: ['slots:write', 'stats:read'] } },
      { action: 'administrator.password_changed', object_id: 'olga', details: {} },
      { action: 'administrator.permissions_changed', object_id: 'ivan', details: { permissions: ['slots:write'] } },
      { action: 'administrator.disabled', object_id: 'ivan', details: {} },
      { action: 'administrator.enabled', object_id: 'ivan', details: {} },
      { action: 'token_key.rotated', object_id: expect.any(String), details: { end_tokens: true } },
    ]),
  );
});

describe('what makes no sense ends with 2 and a line that helps', () => {
  test.each([
    [['user', 'add']],
    [['user', 'add', 'No Capitals']],
    [['user', 'add', 'somebody', '--permissions', 'everything']],
    [['user', 'permissions', 'admin']],
    [['user', 'disable', 'nobody-here']],
    [['user', 'password', 'nobody-here']],
    [['token-key', 'rotate', '--no-such-option']],
  ])('%j', async (words) => {
    const { code, stdout, stderr } = await admin(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/\S/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
