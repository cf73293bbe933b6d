/** The keys that sign access tokens: replaced in all processes at once, without ending good tokens, and never readable at rest. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { keepUpAccess } from '../../src/services/access/keep-up-access.ts';
import { forgetRetiredTokenKeys, rotateTokenKey } from '../../src/services/access/token-keys.ts';
import { createMasterKey } from '../../src/services/secrets/master-key.ts';
import { createSecretBox } from '../../src/services/secrets/secret-box.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { readParts, signByHand } from '../support/forge-token.ts';
import { ask, refusal } from '../support/http.ts';
import { MASTER_KEY, startTestServer, type TestServer } from '../support/server.ts';

const masterKey = createMasterKey(Buffer.from(MASTER_KEY, 'base64'));
const secretBox = createSecretBox({ current: () => masterKey, find: () => masterKey });

let server: TestServer;
/** On the same database. */
let neighbour: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  neighbour = await startTestServer({ database: server.database });
});
afterAll(async () => {
  await neighbour.stop();
  await server.stop();
});

const me = async (token: string, at: TestServer = server): Promise<string> =>
  refusal(await ask(`${at.url}/api/me`, { headers: bearer(token) }));

const keyOf = async (token: string): Promise<Uint8Array> =>
  (await server.running.tokenKeys.find(kidOf(token) as string)) as Uint8Array;

const deps = () => ({ db: server.db, secretBox });
const kidOf = (token: string): unknown => readParts(token).header.kid;
const backdate = (kid: unknown, age: string) =>
  server.db.pool.query('update token_key set retired_at = retired_at - $2::interval where kid = $1', [kid, age]);

it('a rotated key signs in every process from the next sign-in on; the one before verifies until its last token is over', async () => {
  const before = await administratorToken(server);
  const kid = await rotateTokenKey(deps(), COMMAND_LINE);
  const after = await administratorToken(neighbour);
  expect(kidOf(after)).toBe(kid);
  expect(kidOf(before)).not.toBe(kid);
  expect([await me(before), await me(before, neighbour), await me(after), await me(after, neighbour)]).toEqual(
    Array(4).fill('200'),
  );
  await backdate(kidOf(before), '7190 seconds');
  await keepUpAccess(server.db);
  expect(await me(before, neighbour)).toBe('200');
  await backdate(kidOf(before), '10 seconds');
  expect([await me(before), await me(before, neighbour), await me(after)]).toEqual([
    '401 unauthorized',
    '401 unauthorized',
    '200',
  ]);
  await keepUpAccess(server.db);
  const { rows } = await server.db.pool.query(
    `select 1 from token_key where kid = $1 union all select 1 from secret where name = 'token-key:' || $1`,
    [kidOf(before)],
  );
  expect(rows).toEqual([]);
});

it('a rotation ends every token at once where it is asked to', async () => {
  const before = await administratorToken(server);
  await rotateTokenKey(deps(), COMMAND_LINE, { endTokens: true });
  expect([await me(before), await me(before, neighbour)]).toEqual(['401 unauthorized', '401 unauthorized']);
  expect(await me(await administratorToken(server), neighbour)).toBe('200');
});

it('another secret in the environment is another key; the former one still verifies', async () => {
  const before = await administratorToken(server);
  const secret = 'a secret of at least 32 characters';
  const another = await startTestServer({ database: server.database, environment: { JWT_SECRET: secret } });
  const after = await administratorToken(another);
  expect(kidOf(after)).not.toBe(kidOf(before));
  expect([await me(before, another), await me(after, another), await me(after), await me(before)]).toEqual(
    Array(4).fill('200'),
  );
  expect(await me(signByHand(readParts(after), secret))).toBe('200');
  await another.stop();
});

it('a retired key that somebody else knows can be forgotten: its tokens are over at once, others are not', async () => {
  const before = await administratorToken(server);
  await rotateTokenKey(deps(), COMMAND_LINE);
  const after = await administratorToken(server);
  expect(await forgetRetiredTokenKeys(server.db, COMMAND_LINE)).toContain(kidOf(before));
  expect([await me(before), await me(before, neighbour), await me(after, neighbour)]).toEqual([
    '401 unauthorized',
    '401 unauthorized',
    '200',
  ]);
  expect(await forgetRetiredTokenKeys(server.db, COMMAND_LINE)).toEqual([]);
});

it('no key stands readable in the database', async () => {
  const token = await administratorToken(server);
  const key = Buffer.from(await keyOf(token));
  const { rows } = await server.db.pool.query<{ row: string }>(
    `select to_jsonb(s)::text as row from secret s union all select to_jsonb(k)::text from token_key k`,
  );
  const text = rows.map(({ row }) => row).join('\n');
  expect(text).toContain(kidOf(token));
  for (const form of ['hex', 'base64', 'utf8'] as const) expect(text).not.toContain(key.toString(form));
});
