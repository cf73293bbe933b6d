import { afterAll, beforeAll, describe, expect } from 'vitest';
import { findAdministrator } from '../../src/repositories/administrators.ts';
import { hashPassword } from '../../src/services/settings/password-hash.ts';
import { bearer, newAdministrator, tokenOf } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { signInAs } from '../support/sign-in.ts';

const PASSWORD = 'the right password';
const ANOTHER = 'another right password';

let server: TestServer;
let hash: string;

beforeAll(async () => {
  server = await startTestServer({ environment: { TRUSTED_PROXIES: '127.0.0.1', JWT_ACCESS_TTL_SECONDS: '900' } });
  hash = await hashPassword(PASSWORD);
});
afterAll(() => server.stop());

const add = (): Promise<string> => newAdministrator(server, ['stats:read'], hash);
const changePassword = (token: string, current: string, next: string, address = '192.0.2.1'): Promise<HttpAnswer> =>
  ask(`${server.url}/api/me/password`, {
    method: 'PUT',
    headers: { ...bearer(token), 'Content-Type': 'application/json', 'X-Forwarded-For': address },
    body: Buffer.from(JSON.stringify({ current_password: current, new_password: next })),
  });

describe('signing in', () => {
  answers('loginUser', 200, 'a right password', async () => {
    const name = await add();
    const answer = await signInAs(server, name, PASSWORD, { address: '192.0.2.10' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
    const { access_token, ...rest } = JSON.parse(answer.body.toString());
    expect(rest).toEqual({ token_type: 'bearer', expires_in_sec: 900 });
    const me = await ask(`${server.url}/api/me`, { headers: bearer(access_token) });
    expect(JSON.parse(me.body.toString())).toMatchObject({ name, permissions: ['stats:read'] });
    return answer;
  });

  answers('loginUser', 400, 'a password that is too short to be one', async () => {
    const answer = await signInAs(server, await add(), 'short', { address: '192.0.2.11' });
    expect(refusal(answer)).toBe('400 invalid_payload');
    expect(errorOf(answer).details?.fields).toEqual([
      { pointer: '/body/password', message: expect.any(String), keyword: 'minLength' },
    ]);
    return answer;
  });

  answers('loginUser', 400, 'what is not JSON', async () => {
    const answer = await ask(`${server.url}/api/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from('username=admin'),
    });
    expect(refusal(answer)).toBe('400 invalid_payload');
    return answer;
  });

  answers('loginUser', 401, 'a wrong password', async () => {
    const answer = await signInAs(server, await add(), 'the wrong password', { address: '192.0.2.12' });
    expect(refusal(answer)).toBe('401 invalid_credentials');
    expect(answer.headers.has('www-authenticate')).toBe(false);
    return answer;
  });

  answers('loginUser', 429, 'a right password after five wrong ones', async () => {
    const name = await add();
    const from = { address: '192.0.2.13' };
    for (let failures = 0; failures < 5; failures += 1)
      expect(refusal(await signInAs(server, name, 'the wrong password', from))).toBe('401 invalid_credentials');
    const answer = await signInAs(server, name, PASSWORD, from);
    expect(refusal(answer)).toBe('429 login_throttled');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(295);
    expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(300);
    return answer;
  });
});

answers('loginUser', 503, 'the database cannot be reached', async () => {
  const proxy = await startDatabaseProxy(server.database);
  const cutOff = await startTestServer({
    database: server.database,
    environment: { DATABASE_URL: proxy.through(server.database.url) },
  });
  try {
    proxy.refuse();
    proxy.cut();
    const answer = await signInAs(cutOff, 'somebody', PASSWORD);
    expect(refusal(answer)).toBe('503 queue_unavailable');
    return answer;
  } finally {
    await cutOff.stop();
    await proxy.stop();
  }
});

answers('getCurrentUser', 200, 'a token that is good', async () => {
  const name = await add();
  const answer = await ask(`${server.url}/api/me`, { headers: bearer(await tokenOf(server, name, 600)) });
  const lastLoginAt = (await findAdministrator(server.db, name))?.lastLoginAt?.toISOString();
  expect(JSON.parse(answer.body.toString())).toEqual({
    name,
    permissions: ['stats:read'],
    token_expires_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.000Z$/),
    last_login_at: lastLoginAt,
  });
  return answer;
});

describe('changing the own password', () => {
  answers('changeOwnPassword', 204, 'the token of the request is over, and only the new password opens', async () => {
    const name = await add();
    const token = await tokenOf(server, name);
    const answer = await changePassword(token, PASSWORD, ANOTHER);
    expect(refusal(await ask(`${server.url}/api/me`, { headers: bearer(token) }))).toBe('401 unauthorized');
    const from = { address: '192.0.2.20' };
    expect(refusal(await signInAs(server, name, PASSWORD, from))).toBe('401 invalid_credentials');
    expect(refusal(await signInAs(server, name, ANOTHER, from))).toBe('200');
    return answer;
  });

  answers('changeOwnPassword', 400, 'a new password that is too short', async () =>
    changePassword(await tokenOf(server, await add()), PASSWORD, 'short'),
  );

  answers('changeOwnPassword', 401, 'a wrong current password, which leaves everything as it was', async () => {
    const token = await tokenOf(server, await add());
    const answer = await changePassword(token, 'the wrong password', ANOTHER);
    expect(refusal(answer)).toBe('401 invalid_credentials');
    expect(answer.headers.has('www-authenticate')).toBe(false);
    expect((await ask(`${server.url}/api/me`, { headers: bearer(token) })).status).toBe(200);
    return answer;
  });

  answers('changeOwnPassword', 422, 'the same password again', async () => {
    const answer = await changePassword(await tokenOf(server, await add()), PASSWORD, PASSWORD);
    expect(errorOf(answer)).toMatchObject({
      code: 'invalid_password',
      details: { fields: [{ pointer: '/body/new_password', message: 'must be another one', keyword: 'password' }] },
    });
    return answer;
  });

  answers('changeOwnPassword', 422, 'the name as a password', async () => {
    const name = await add();
    return changePassword(await tokenOf(server, name), PASSWORD, name.toUpperCase());
  });

  answers('changeOwnPassword', 429, 'wrong current passwords are counted with failed sign-ins', async () => {
    const name = await add();
    const token = await tokenOf(server, name);
    const address = '192.0.2.21';
    for (let failures = 0; failures < 3; failures += 1)
      expect((await changePassword(token, 'the wrong password', ANOTHER, address)).status).toBe(401);
    for (let failures = 0; failures < 2; failures += 1)
      expect((await signInAs(server, name, 'the wrong password', { address })).status).toBe(401);
    const answer = await changePassword(token, PASSWORD, ANOTHER, address);
    expect(refusal(answer)).toBe('429 login_throttled');
    return answer;
  });
});
