/** Access tokens: what is forged, over or ended opens nothing, in any process of the installation. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import {
  setAdministratorEnabled,
  setAdministratorPermissions,
} from '../../src/services/access/change-administrator.ts';
import { administratorToken, bearer, newAdministrator, tokenOf } from '../support/administrators.ts';
import { assemble, readParts, signByHand, type TokenParts } from '../support/forge-token.ts';
import { ask, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
/** On the same database. */
let neighbour: TestServer;
/** With a database of its own. */
let stranger: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  neighbour = await startTestServer({ database: server.database });
  stranger = await startTestServer();
});
afterAll(async () => {
  await neighbour.stop();
  await server.stop();
  await stranger.stop();
});

const me = async (token: string, at: TestServer = server): Promise<string> =>
  refusal(await ask(`${at.url}/api/me`, { headers: bearer(token) }));

const keyOf = async (token: string): Promise<Uint8Array> =>
  (await server.running.tokenKeys.find(readParts(token).header.kid as string)) as Uint8Array;

const seconds = (): number => Math.floor(Date.now() / 1000);

it('a good token opens every server of the installation, and no other one', async () => {
  const token = await administratorToken(server);
  expect([await me(token), await me(token, neighbour), await me(token, stranger)]).toEqual([
    '200',
    '200',
    '401 unauthorized',
  ]);
});

it('a token of another installation opens nothing, though there is an administrator of that name', async () => {
  const token = await administratorToken(stranger);
  const { sub } = readParts(token).payload;
  await server.db.kysely
    .insertInto('administrator')
    .values({ name: sub as string, password_hash: '-', permissions: [] })
    .execute();
  expect(await me(token)).toBe('401 unauthorized');
});

describe('a forged token opens nothing', () => {
  let token: string;
  let parts: TokenParts;
  let key: Uint8Array;

  beforeAll(async () => {
    token = await administratorToken(server, ['stats:read']);
    parts = readParts(token);
    key = await keyOf(token);
  });

  const withHeader = (more: object): TokenParts => ({ ...parts, header: { ...parts.header, ...more } });
  const withPayload = (more: object): TokenParts => ({ ...parts, payload: { ...parts.payload, ...more } });
  const signature = (): string => token.split('.')[2] as string;

  it('the way of forging is sound: the same parts, signed again by hand, open', async () => {
    expect(await me(signByHand(parts, key))).toBe('200');
  });

  it.each(['none', 'None', 'NONE', 'nOnE', ''])('algorithm %j, with and without a signature', async (alg) => {
    expect(await me(assemble(withHeader({ alg }), ''))).toBe('401 unauthorized');
    expect(await me(assemble(withHeader({ alg }), signature()))).toBe('401 unauthorized');
  });

  it.each([
    ['HS384', 'sha384'],
    ['HS512', 'sha512'],
  ])('another algorithm of the family, though signed with the right key: %s', async (alg, hash) => {
    expect(await me(signByHand(withHeader({ alg }), key, hash))).toBe('401 unauthorized');
  });

  it('a key pair of the sender, named in the header', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = publicKey.export({ format: 'jwk' });
    for (const more of [{ jwk }, { jwk, kid: undefined }, { x5c: ['MIIB'] }, {}]) {
      const forged = withHeader({ alg: 'RS256', ...more });
      const signed = assemble(forged, '').slice(0, -1);
      const made = createSign('sha256').update(signed).sign(privateKey).toString('base64url');
      expect(await me(`${signed}.${made}`)).toBe('401 unauthorized');
    }
    // a public key as the secret of an HMAC
    const pem = publicKey.export({ format: 'pem', type: 'spki' });
    expect(await me(signByHand(parts, pem.toString()))).toBe('401 unauthorized');
  });

  it('a key of the sender is not fetched and not used, wherever the header says that it lies', async () => {
    const own = Buffer.alloc(32, 7);
    const jwk = { kty: 'oct', k: own.toString('base64url') };
    let visits = 0;
    const trap = createServer(() => {
      visits += 1;
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const jku = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys.json`;
    for (const more of [{ jwk }, { jku }, { x5u: jku }, { jwk, kid: undefined }, { jku, kid: jku }])
      expect(await me(signByHand(withHeader(more), own))).toBe('401 unauthorized');
    expect(visits).toBe(0);
    await new Promise((resolve) => trap.close(resolve));
  });

  it.each([
    '../../../../dev/null',
    '/dev/null',
    "' or 1=1 --",
    '0000000000000000',
    '__proto__',
    'constructor',
    '',
    'x'.repeat(5_000),
    7,
    null,
    ['0000000000000000'],
  ])('a key id that is none: %j', async (kid) => {
    for (const secret of ['', Buffer.alloc(32), key])
      expect(await me(signByHand(withHeader({ kid }), secret))).toBe('401 unauthorized');
  });

  it('ids that nobody knows let each process look for them at most once a second', async () => {
    const reads = async (): Promise<number> => {
      await server.db.pool.query('select pg_stat_force_next_flush()');
      const { rows } = await server.db.pool.query<{ reads: number }>(
        `select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int as reads from pg_stat_user_tables where relname = 'secret'`,
      );
      return rows[0]?.reads ?? 0;
    };
    const before = await reads();
    const begunAt = performance.now();
    const forged = Array.from({ length: 200 }, (_, index) => index.toString(16).padStart(16, '0'));
    await Promise.all(forged.map((kid) => me(signByHand(withHeader({ kid }), key))));
    const processes = 2;
    const looks = Math.ceil((performance.now() - begunAt) / 1_000) + 1;
    // others that read the table: the look for changed settings, every 5 s in each process
    expect((await reads()) - before).toBeLessThanOrEqual(processes * (looks + 2));
  });

  it.each([
    ['other permissions', { permissions: ['settings:write'] }],
    ['another name', { sub: 'admin' }],
    ['a later end', { exp: seconds() + 1_000_000 }],
  ])('a changed payload under the former signature: %s', async (_, more) => {
    expect(await me(assemble(withPayload(more), signature()))).toBe('401 unauthorized');
  });

  it.each([
    ['over', () => ({ iat: seconds() - 7_200, exp: seconds() - 1 })],
    ['not yet good', () => ({ nbf: seconds() + 60 })],
    ['without an end', () => ({ exp: undefined })],
    ['with an end that is no number', () => ({ exp: 'never' })],
    ['without a beginning', () => ({ iat: undefined })],
    ['without a generation', () => ({ gen: undefined })],
    ['with a generation as text', () => ({ gen: String(parts.payload.gen) })],
    ['of another issuer', () => ({ iss: 'somebody-else' })],
    ['without an issuer', () => ({ iss: undefined })],
    ['of nobody', () => ({ sub: undefined })],
    ['of several', () => ({ sub: ['admin'] })],
    ['of a name that nobody has', () => ({ sub: 'no-such-administrator' })],
    ['of a name that is none', () => ({ sub: '../admin' })],
  ])('a payload that is %s, though signed with the right key', async (_, more) => {
    expect(await me(signByHand(withPayload(more()), key))).toBe('401 unauthorized');
  });

  it.each([
    ['of another type', { typ: 'at+jwt' }],
    ['without a type', { typ: undefined }],
    ['with a critical extension that is not known', { crit: ['exp-of-ours'], 'exp-of-ours': 1 }],
    ['with an unencoded payload', { b64: false, crit: ['b64'] }],
  ])('a header %s, though signed with the right key', async (_, more) => {
    expect(await me(signByHand(withHeader(more), key))).toBe('401 unauthorized');
  });

  it.each(['', 'x', 'a.b', 'a.b.c', 'a.b.c.d.e', '...', 'e30.e30.e30', `${'a'.repeat(3_000)}.b.c`])(
    'what is no token at all: %j',
    async (text) => {
      expect(await me(text)).toBe('401 unauthorized');
    },
  );

  it('a token in the query, a cookie or another scheme', async () => {
    const url = `${server.url}/api/me`;
    expect(refusal(await ask(`${url}?access_token=${token}`))).toBe('401 unauthorized');
    expect(refusal(await ask(url, { headers: { Cookie: `access_token=${token}` } }))).toBe('401 unauthorized');
    expect(refusal(await ask(url, { headers: { Authorization: `Basic ${token}` } }))).toBe('401 unauthorized');
  });
});

describe('the database’s clock decides', () => {
  it.each([
    ['an hour fast', 3_600_000],
    ['an hour slow', -3_600_000],
  ])('so a process whose clock is %s judges like the others', async (_, offMs) => {
    const name = await newAdministrator(server);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offMs });
    try {
      const token = await tokenOf(server, name, 300);
      const over = signByHand(
        { ...readParts(token), payload: { ...readParts(token).payload, exp: readParts(token).payload.iat } },
        await keyOf(token),
      );
      expect(await me(token)).toBe('200');
      expect(await me(over)).toBe('401 unauthorized');
      vi.useRealTimers();
      expect(await me(token)).toBe('200');
      expect(Math.abs(Number(readParts(token).payload.iat) - seconds())).toBeLessThan(60);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('what was changed holds for the next request, in every process', () => {
  it('a disabled administrator is out, and the former tokens stay over when they are let in again', async () => {
    const name = await newAdministrator(server);
    const token = await tokenOf(server, name);
    expect(await me(token, neighbour)).toBe('200');
    await setAdministratorEnabled({ db: server.db }, COMMAND_LINE, name, false);
    expect([await me(token), await me(token, neighbour)]).toEqual(['401 unauthorized', '401 unauthorized']);
    await setAdministratorEnabled({ db: server.db }, COMMAND_LINE, name, true);
    expect(await me(token, neighbour)).toBe('401 unauthorized');
    expect(await me(await tokenOf(server, name), neighbour)).toBe('200');
  });

  it('permissions are those of the moment, whatever the token says', async () => {
    const name = await newAdministrator(server, ['stats:read']);
    const token = await tokenOf(server, name);
    const slots = async (at: TestServer) => refusal(await ask(`${at.url}/api/slots`, { headers: bearer(token) }));
    expect(await slots(neighbour)).toBe('403 forbidden');
    await setAdministratorPermissions({ db: server.db }, COMMAND_LINE, name, ['slots:write']);
    expect(await slots(neighbour)).toBe('200');
    expect(readParts(token).payload.permissions).toEqual(['stats:read']);
  });

  it('an administrator who is removed and added again does not revive the former tokens', async () => {
    const name = await newAdministrator(server);
    const token = await tokenOf(server, name);
    await server.db.kysely.deleteFrom('administrator').where('name', '=', name).execute();
    expect(await me(token)).toBe('401 unauthorized');
    await server.db.kysely.insertInto('administrator').values({ name, password_hash: '-', permissions: [] }).execute();
    expect(await me(token)).toBe('401 unauthorized');
  });
});
