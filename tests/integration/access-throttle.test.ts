/** Guessing passwords: slowed down by name and address, over all processes, without holding up anybody else. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keepUpAccess } from '../../src/services/access/keep-up-access.ts';
import { createSignInThrottle, type SignInTry } from '../../src/services/access/sign-in-throttle.ts';
import { createAddressThrottle } from '../../src/services/address-throttle.ts';
import { hashPassword } from '../../src/services/settings/password-hash.ts';
import { newAdministrator } from '../support/administrators.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { signInAs } from '../support/sign-in.ts';

const RIGHT = 'the right password';
const WRONG = 'the wrong password';

let server: TestServer;
/** On the same database; trusts nobody's `X-Forwarded-For`. */
let suspicious: TestServer;
let hash: string;
let name: string;

beforeAll(async () => {
  hash = await hashPassword(RIGHT);
  server = await startTestServer({ environment: { TRUSTED_PROXIES: '127.0.0.1' } });
  suspicious = await startTestServer({ database: server.database, mediaRoot: server.mediaRoot });
});
beforeEach(async () => {
  await server.db.pool.query('delete from throttle');
  name = await newAdministrator(server, [], hash);
});
afterAll(async () => {
  await suspicious.stop();
  await server.stop();
});

/** A throttle as a process has it that knows of nothing yet but what is in the database. */
const throttle = () => createSignInThrottle(server.db);

async function fail(times: number, who = name, address = '192.0.2.1'): Promise<void> {
  for (let tries = 0; tries < times; tries += 1) await (await throttle().take(who, address)).fail();
}

/** `free`, or for how many seconds nobody may try. */
async function standing(who = name, address = '192.0.2.1'): Promise<string | number> {
  try {
    await (await throttle().take(who, address)).takeBack();
    return 'free';
  } catch (error) {
    return (error as { retryAfterSeconds: number }).retryAfterSeconds;
  }
}

/** Lets time pass for every counter. */
const passSeconds = (seconds: number) =>
  server.db.pool.query(
    `update throttle set locked_until = locked_until - make_interval(secs => $1), ends_at = ends_at - make_interval(secs => $1),
      tried_at = array(select at - make_interval(secs => $1) from unnest(tried_at) at)`,
    [seconds],
  );

describe('the throttle of sign-ins', () => {
  it('locks a name for an address for 300 s after the fifth failure within 60 s', async () => {
    await fail(4);
    expect(await standing()).toBe('free');
    await fail(1);
    expect(await standing()).toBe(300);
    await passSeconds(299);
    expect(await standing()).toBe(1);
    await passSeconds(1);
    expect(await standing()).toBe('free');
  });

  it('begins afresh after a lock: five more failures lock again', async () => {
    await fail(5);
    await passSeconds(300);
    await fail(4);
    expect(await standing()).toBe('free');
    await fail(1);
    expect(await standing()).toBe(300);
  });

  it('counts any 60 s, wherever they begin', async () => {
    await fail(1);
    await passSeconds(50);
    await fail(3);
    await passSeconds(10.5);
    // the first one is out of the minute, three are in it
    await fail(1);
    expect(await standing()).toBe('free');
    await fail(1);
    expect(await standing()).toBe(300);
  });

  it('does not lengthen a lock by tries during it', async () => {
    await fail(5);
    await passSeconds(100);
    for (let tries = 0; tries < 10; tries += 1) expect(await standing()).toBeLessThanOrEqual(200);
  });

  it('locks nobody else: not the name elsewhere, not another name here', async () => {
    await fail(5);
    expect(await standing(name, '192.0.2.2')).toBe('free');
    expect(await standing('another-name')).toBe('free');
  });

  it('locks an address after 30 failures of any names, and no other address', async () => {
    for (let index = 0; index < 30; index += 1) await fail(1, `name-${index}`);
    expect(await standing('name-nobody-tried')).toBe(300);
    expect(await standing('name-1', '192.0.2.2')).toBe('free');
  });

  it('counts a network of IPv6 as one client, because one line has 2^64 addresses', async () => {
    for (let index = 0; index < 5; index += 1) await fail(1, name, `2001:db8:1:2::${index}`);
    expect(await standing(name, '2001:db8:1:2:ffff::9')).toBe(300);
    expect(await standing(name, '2001:db8:1:3::1')).toBe('free');
  });

  it('lets no more than five guesses through, however many come at once', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 40 }, () => throttle().take(name, '192.0.2.1')));
    const taken = tries.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(taken).toHaveLength(5);
    await Promise.all(taken.map((oneTry: SignInTry) => oneTry.fail()));
    expect(await standing()).toBe(300);
  });

  it('asks whoever comes while all tries are still being judged to come back in a second', async () => {
    const taken = await Promise.all(Array.from({ length: 5 }, () => throttle().take(name, '192.0.2.1')));
    expect(await standing()).toBe(1);
    await Promise.all(taken.map((oneTry) => oneTry.takeBack()));
    expect(await standing()).toBe('free');
  });

  it('does not count right passwords', async () => {
    for (let tries = 0; tries < 20; tries += 1) expect(await standing()).toBe('free');
    await fail(4);
    for (let tries = 0; tries < 5; tries += 1) expect(await standing()).toBe('free');
    await fail(1);
    expect(await standing()).toBe(300);
  });

  it('locks nobody for longer than the lock when the database’s clock is put back', async () => {
    await fail(5);
    await passSeconds(-3_600);
    expect(await standing()).toBe('free');
  });

  it('leaves no row behind once it does not matter any more, and none that still does is deleted', async () => {
    await fail(5);
    await fail(1, 'another-name', '192.0.2.7');
    const keys = async () => (await server.db.pool.query('select key from throttle order by key')).rows.length;
    const before = await keys();
    await keepUpAccess(server.db);
    expect(await keys()).toBe(before);
    await passSeconds(301);
    await keepUpAccess(server.db);
    expect(await keys()).toBe(0);
  });
});

describe('signing in', () => {
  it('is counted by all processes together, and a right password is refused while locked', async () => {
    const at = (place: TestServer, password: string) => signInAs(place, name, password);
    for (const place of [server, suspicious, server, suspicious, server])
      expect(refusal(await at(place, WRONG))).toBe('401 invalid_credentials');
    for (const place of [server, suspicious]) {
      const answer = await at(place, RIGHT);
      expect(refusal(answer)).toBe('429 login_throttled');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(290);
    }
  });

  it('cannot be tried further by a forged X-Forwarded-For, where the sender is no trusted proxy', async () => {
    const forged = (index: number) => ({ address: `198.51.100.${index}` });
    for (let index = 0; index < 5; index += 1)
      expect((await signInAs(suspicious, name, WRONG, forged(index))).status).toBe(401);
    expect(refusal(await signInAs(suspicious, name, RIGHT, forged(77)))).toBe('429 login_throttled');
  });

  it('cannot be tried further by what a client writes in front of what the trusted proxy adds', async () => {
    const from = (index: number) => ({ address: `198.51.100.${index}, 203.0.113.5` });
    for (let index = 0; index < 5; index += 1)
      expect((await signInAs(server, name, WRONG, from(index))).status).toBe(401);
    expect(refusal(await signInAs(server, name, RIGHT, from(77)))).toBe('429 login_throttled');
    expect(refusal(await signInAs(server, name, RIGHT, { address: '203.0.113.6' }))).toBe('200');
  });

  it('treats a name that nobody has like any other: same words, same count, same lock', async () => {
    const nobody = `nobody-${randomUUID().slice(0, 8)}`;
    const story = async (who: string, address: string) => {
      const answers: HttpAnswer[] = [];
      for (let tries = 0; tries < 6; tries += 1) answers.push(await signInAs(server, who, WRONG, { address }));
      return answers.map((answer) => ({
        status: answer.status,
        error: errorOf(answer),
        headers: [...answer.headers.keys()].sort(),
      }));
    };
    const known = await story(name, '192.0.2.30');
    expect(known.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(await story(nobody, '192.0.2.31')).toEqual(known);
  });

  it('tells a disabled administrator nothing else than a wrong password, and records each judged try, but no throttled one', async () => {
    await server.db.kysely.updateTable('administrator').set({ is_enabled: false }).where('name', '=', name).execute();
    const from = { address: '192.0.2.32' };
    const answers = [];
    for (let tries = 0; tries < 8; tries += 1) answers.push(refusal(await signInAs(server, name, RIGHT, from)));
    expect(answers).toEqual([...Array(5).fill('401 invalid_credentials'), ...Array(3).fill('429 login_throttled')]);
    const events = await server.db.kysely
      .selectFrom('audit_event')
      .select(['actor', 'address', 'action', 'object_type', 'details'])
      .where('object_id', '=', name)
      .execute();
    const event = { actor: name, address: '192.0.2.32', action: 'login.failed', object_type: 'administrator' };
    expect(events).toEqual(Array(5).fill({ ...event, details: {} }));
  });
});

describe('1,000 wrong passwords', { timeout: 60_000 }, () => {
  it('at the sign-in are refused with a wait, and an honest administrator elsewhere gets in meanwhile', async () => {
    const flood = Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        signInAs(server, `name-${index % 100}`, `${WRONG} ${index}`, { address: '192.0.2.50' }),
      ),
    );
    const honest = await signInAs(server, name, RIGHT, { address: '192.0.2.51' });
    expect(['200', '429 login_throttled']).toContain(refusal(honest));
    const answers = await flood;
    const judged = answers.filter(({ status }) => status === 401);
    expect(judged.length).toBeLessThanOrEqual(30);
    for (const answer of answers.filter(({ status }) => status !== 401)) {
      expect(refusal(answer)).toBe('429 login_throttled');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(refusal(await signInAs(server, name, RIGHT, { address: '192.0.2.51' }))).toBe('200');
  });

  it('at ingest are refused with a wait, while a station at the same address gets its pictures', async () => {
    const photo = await makePhoto();
    const form = (password: string): Buffer =>
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n${password}\r\n--b--\r\n`);
    const guess = (index: number) =>
      ask(`${suspicious.url}/ingest/slot-001`, {
        method: 'POST',
        headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
        body: form(`${WRONG} ${index}`),
      });
    const flood = Promise.all(Array.from({ length: 1_000 }, (_, index) => guess(index)));
    const pictures = await Promise.all(Array.from({ length: 3 }, () => suspicious.post({ photo })));
    expect(pictures.map(({ status }) => status)).toEqual([200, 200, 200]);
    const answers = await flood;
    const told = answers.filter(({ status }) => status === 401);
    expect(told.length).toBe(20);
    for (const answer of answers.filter(({ status }) => status !== 401)) {
      expect(refusal(answer)).toBe('429 rate_limited');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
  });
});

describe('a limit of an address', () => {
  const limit = { name: 'test', requestsPerMinute: 3 };
  const take = async (address: string): Promise<string | number> => {
    try {
      await createAddressThrottle(server.db, limit).take(address);
      return 'free';
    } catch (error) {
      return (error as { retryAfterSeconds: number }).retryAfterSeconds;
    }
  };

  it('is one for all processes, for a minute from the first request on', async () => {
    expect([await take('192.0.2.60'), await take('192.0.2.60'), await take('192.0.2.60')]).toEqual(
      Array(3).fill('free'),
    );
    expect(await take('192.0.2.60')).toBe(60);
    expect(await take('192.0.2.61')).toBe('free');
    await passSeconds(59);
    expect(await take('192.0.2.60')).toBe(1);
    await passSeconds(1);
    expect(await take('192.0.2.60')).toBe('free');
  });

  it('is exact under any number of requests at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => take('192.0.2.62')));
    expect(outcomes.filter((outcome) => outcome === 'free')).toHaveLength(3);
  });
});
