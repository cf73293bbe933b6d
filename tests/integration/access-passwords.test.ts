/** Passwords of administrators: how they are proved, replaced and made, and what is written down about it. */
import { argon2Sync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createKysely } from '../../src/db/pool.ts';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { firstRun, firstRunPath } from '../../src/main/first-run.ts';
import { findAdministrator, updateAdministrator } from '../../src/repositories/administrators.ts';
import { changeOwnPassword } from '../../src/services/access/change-own-password.ts';
import { createHashQueue } from '../../src/services/access/hash-queue.ts';
import { createSignInThrottle } from '../../src/services/access/sign-in-throttle.ts';
import { DECOY_HASH, hashPassword } from '../../src/services/settings/password-hash.ts';
import { CHEAP_HASH, newAdministrator } from '../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeHome, removeHome } from '../support/home.ts';
import { refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { signInAs } from '../support/sign-in.ts';

const hashes = vi.hoisted(() => ({ count: 0, memory: [] as number[] }));

/** The real Argon2, counted. */
vi.mock('node:crypto', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:crypto')>();
  const argon2: typeof real.argon2 = (algorithm, parameters, done) => {
    hashes.count += 1;
    hashes.memory.push(parameters.memory);
    return real.argon2(algorithm, parameters, done);
  };
  return { ...real, argon2 };
});

const RIGHT = 'the right password';
const WRONG = 'the wrong password';

/** A hash by weaker parameters, as an earlier version may have made it. */
function weakHash(password: string): string {
  const salt = randomBytes(16);
  const tag = argon2Sync('argon2id', {
    message: password,
    nonce: salt,
    memory: 64,
    passes: 1,
    parallelism: 1,
    tagLength: 32,
  });
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=64,t=1,p=1$${text(salt)}$${text(tag)}`;
}

let server: TestServer;
let hash: string;

beforeAll(async () => {
  server = await startTestServer({ environment: { TRUSTED_PROXIES: '127.0.0.1' } });
  hash = await hashPassword(RIGHT);
});
beforeEach(async () => {
  await server.db.pool.query('delete from throttle');
  Object.assign(hashes, { count: 0, memory: [] });
});
afterAll(() => server.stop());

const hashOf = async (name: string) => (await findAdministrator(server.db, name))?.passwordHash;

describe('signing in', () => {
  it('costs one hash of the same strength, whether the name is known, disabled or nobody’s', async () => {
    const known = await newAdministrator(server, [], hash);
    const disabled = await newAdministrator(server, [], hash);
    await updateAdministrator(server.db, disabled, { isEnabled: false });
    for (const [name, password] of [
      [known, RIGHT],
      [known, WRONG],
      [disabled, RIGHT],
      ['nobody-at-all', WRONG],
    ] as const) {
      Object.assign(hashes, { count: 0, memory: [] });
      await signInAs(server, name, password, { address: '192.0.2.1' });
      expect({ name, ...hashes }).toEqual({ name, count: 1, memory: [Number(/m=(\d+)/.exec(DECOY_HASH)?.[1])] });
    }
  });

  it('replaces a hash that is weaker than today’s, and ends no token for it', async () => {
    const before = weakHash(RIGHT);
    const name = await newAdministrator(server, [], before);
    const generation = (await findAdministrator(server.db, name))?.tokenGeneration;
    expect(refusal(await signInAs(server, name, WRONG))).toBe('401 invalid_credentials');
    expect(await hashOf(name)).toBe(before);
    expect(refusal(await signInAs(server, name, RIGHT))).toBe('200');
    const after = await hashOf(name);
    expect(after?.split('$').slice(0, 4)).toEqual(DECOY_HASH.split('$').slice(0, 4));
    expect(refusal(await signInAs(server, name, RIGHT))).toBe('200');
    expect(await hashOf(name)).toBe(after);
    expect((await findAdministrator(server.db, name))?.tokenGeneration).toBe(generation);
  });

  it('is written down, with address and request, and says when it was last', async () => {
    const name = await newAdministrator(server, [], hash);
    const headers = { 'X-Request-Id': 'sign-in-of-a-test' };
    const answer = await signInAs(server, name, RIGHT, { address: '192.0.2.9', headers });
    const { rows } = await server.db.pool.query(
      `select actor, address, action, object_id, request_id, details from audit_event where object_id = $1`,
      [name],
    );
    expect(rows).toEqual([
      {
        actor: name,
        address: '192.0.2.9',
        action: 'login.succeeded',
        object_id: name,
        request_id: answer.headers.get('x-request-id'),
        details: {},
      },
    ]);
    const { lastLoginAt } = (await findAdministrator(server.db, name)) ?? {};
    expect(lastLoginAt).toBeInstanceOf(Date);
  });

  it('logs neither passwords nor tokens', async () => {
    const name = await newAdministrator(server, [], hash);
    const { access_token: token } = JSON.parse((await signInAs(server, name, RIGHT)).body.toString());
    await signInAs(server, name, WRONG);
    const log = server.logged.join('\n');
    for (const secret of [RIGHT, WRONG, token, hash]) expect(log).not.toContain(secret);
  });
});

describe('changing the own password', () => {
  const deps = () => ({ db: server.db, throttle: createSignInThrottle(server.db), hashQueue: createHashQueue() });
  const change = { currentPassword: RIGHT, newPassword: 'another right password' };

  it('of two changes at once exactly one happens, and the other is told to sign in again', async () => {
    const name = await newAdministrator(server, [], hash);
    const actor = { ...COMMAND_LINE, name };
    const outcomes = await Promise.allSettled([
      changeOwnPassword(deps(), actor, change),
      changeOwnPassword(deps(), actor, { ...change, newPassword: 'a third right password' }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(['unauthorized', 'invalid_credentials']).toContain(lost[0]);
    const { rows } = await server.db.pool.query(
      `select action from audit_event where object_id = $1 and action = 'administrator.password_changed'`,
      [name],
    );
    expect(rows).toHaveLength(1);
  });

  it('of somebody who is gone meanwhile is refused, and counts as no guess', async () => {
    const actor = { ...COMMAND_LINE, name: 'gone-meanwhile', address: '192.0.2.40' };
    for (let times = 0; times < 7; times += 1)
      await expect(changeOwnPassword(deps(), actor, change)).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('the first run', () => {
  let database: TestDatabase;
  let home: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    home = makeHome();
    return async () => {
      await database.drop();
      await removeHome(home);
    };
  });

  const db = () => ({ pool: database.pool, kysely: createKysely(database.pool) });
  const configOf = (more: Readonly<Record<string, string>> = {}) => readConfig({ PHOTOCHANGER_HOME: home, ...more });
  const kept = () => JSON.parse(readFileSync(firstRunPath(home), 'utf8'));

  it('makes an administrator with every permission and keeps the password beside the ingest password', async () => {
    const made = await firstRun(configOf(), db());
    expect(made).toEqual({
      ingestPassword: { kind: 'made', password: expect.stringMatching(/^\w{4}(-\w{4}){3}$/) },
      administratorPassword: { kind: 'made', password: expect.stringMatching(/^\w{4}(-\w{4}){3}$/) },
    });
    expect(kept()).toEqual({
      ingest_password: 'password' in made.ingestPassword && made.ingestPassword.password,
      administrator: 'admin',
      administrator_password: 'password' in made.administratorPassword && made.administratorPassword.password,
      made_at: expect.any(String),
    });
    expect(statSync(firstRunPath(home)).mode & 0o777).toBe(0o600);
    expect((await findAdministrator(db(), 'admin'))?.permissions).toHaveLength(4);
    expect(await firstRun(configOf(), db())).toEqual({
      ingestPassword: { kind: 'already set' },
      administratorPassword: { kind: 'already set' },
    });
  });

  it('takes passwords from the environment, and writes none of them', async () => {
    const given = { PHOTOCHANGER_ADMIN_PASSWORD: RIGHT, PHOTOCHANGER_INGEST_PASSWORD: WRONG };
    expect(await firstRun(configOf(given), db())).toEqual({
      ingestPassword: { kind: 'taken from the environment' },
      administratorPassword: { kind: 'taken from the environment' },
    });
    expect(() => kept()).toThrow(/ENOENT/);
  });

  it('sets nothing when the made passwords cannot be kept, so that the next start makes and shows new ones', async () => {
    mkdirSync(firstRunPath(home));
    await expect(firstRun(configOf(), db())).rejects.toThrow(/first-run\.json/);
    expect(await findAdministrator(db(), 'admin')).toBeUndefined();
    rmSync(firstRunPath(home), { recursive: true });
    const { administratorPassword, ingestPassword } = await firstRun(configOf(), db());
    expect([administratorPassword.kind, ingestPassword.kind]).toEqual(['made', 'made']);
  });

  it('adds to what an earlier version kept', async () => {
    const earlier = await firstRun(configOf({ PHOTOCHANGER_ADMIN_PASSWORD: RIGHT }), db());
    const { ingest_password } = kept();
    expect(earlier.ingestPassword).toEqual({ kind: 'made', password: ingest_password });
    await db().kysely.deleteFrom('administrator').execute();
    await firstRun(configOf(), db());
    expect(kept()).toMatchObject({
      ingest_password,
      administrator: 'admin',
      administrator_password: expect.any(String),
    });
  });

  it('of several servers at once makes one administrator, whose password exactly one of them tells', async () => {
    const runs = await Promise.all(Array.from({ length: 5 }, () => firstRun(configOf(), db())));
    expect(runs.filter(({ administratorPassword }) => administratorPassword.kind === 'made')).toHaveLength(1);
    expect(runs.filter(({ ingestPassword }) => ingestPassword.kind === 'made')).toHaveLength(1);
  });

  it('leaves an installation alone that has administrators, whatever their names', async () => {
    await newAdministrator({ db: db() }, [], CHEAP_HASH);
    expect((await firstRun(configOf(), db())).administratorPassword).toEqual({ kind: 'already set' });
    expect(await findAdministrator(db(), 'admin')).toBeUndefined();
    expect(join(home, 'first-run.json')).toBe(firstRunPath(home));
  });
});
