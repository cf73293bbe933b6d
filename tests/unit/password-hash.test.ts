import { beforeEach, describe, expect, test, vi } from 'vitest';
import { DECOY_HASH, hashPassword, needsRehash, verifyPassword } from '../../src/services/settings/password-hash.ts';

const load = vi.hoisted(() => ({ now: 0, most: 0, calls: 0 }));

/** The real Argon2, watched: how many run at once. */
vi.mock('node:crypto', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:crypto')>();
  const argon2: typeof real.argon2 = (algorithm, parameters, done) => {
    const start = real.argon2(algorithm, parameters, (error, tag) => {
      load.now -= 1;
      done(error, tag);
    });
    load.now += 1;
    load.calls += 1;
    load.most = Math.max(load.most, load.now);
    return start;
  };
  return { ...real, argon2 };
});

beforeEach(() => Object.assign(load, { now: 0, most: 0, calls: 0 }));

/** Made by the reference implementation (its test.c): password, salt "somesalt", 256 KiB, 2 passes. */
const REFERENCE = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
const REFERENCE_TWO_LANES = '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc';

describe('a hash', () => {
  test('is a PHC string with the parameters of the OWASP cheat sheet', async () => {
    expect(await hashPassword('a password')).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
  });

  test('fits its password and no other', async () => {
    const hash = await hashPassword('a password');
    expect(await verifyPassword('a password', hash)).toBe(true);
    for (const other of ['', 'a passwor', 'a password ', 'A password', 'a password\0']) {
      expect(await verifyPassword(other, hash), JSON.stringify(other)).toBe(false);
    }
  });

  test('of the same password is another each time', async () => {
    expect(await hashPassword('same')).not.toBe(await hashPassword('same'));
  });

  test('does not contain the password', async () => {
    expect(await hashPassword('visible-password')).not.toContain('visible');
  });

  test.each(['', 'пароль', '🔑', 'x'.repeat(10_000)])('may be of %j', async (password) => {
    expect(await verifyPassword(password, await hashPassword(password))).toBe(true);
  });

  test.each([REFERENCE, REFERENCE_TWO_LANES])('made elsewhere fits too, by its own parameters: %s', async (hash) => {
    expect(await verifyPassword('password', hash)).toBe(true);
    expect(await verifyPassword('Password', hash)).toBe(false);
  });
});

describe('a hash is weaker than one made now would be', () => {
  test('not when it was made now', async () => {
    expect(needsRehash(await hashPassword('a password'))).toBe(false);
    expect(needsRehash(DECOY_HASH)).toBe(false);
  });

  test.each([
    ['by its memory', 'm=19456', 'm=19455'],
    ['by its passes', 't=2', 't=1'],
    ['by its kind', 'argon2id', 'argon2i'],
  ])('%s', (_, strong, weak) => {
    expect(needsRehash(DECOY_HASH.replace(strong, weak))).toBe(true);
  });

  test('by its salt or its tag, and not by parameters that are stronger', async () => {
    const [head = '', salt = '', tag = ''] = /^(.*)\$(.*)\$(.*)$/.exec(DECOY_HASH)?.slice(1) ?? [];
    expect(needsRehash(`${head}$${salt.slice(0, 16)}$${tag}`)).toBe(true);
    expect(needsRehash(`${head}$${salt}$${tag.slice(0, 24)}`)).toBe(true);
    expect(needsRehash(DECOY_HASH.replace('m=19456', 'm=65536').replace('t=2', 't=3'))).toBe(false);
  });
});

test('the hash for names that nobody has costs what a hash made now costs', async () => {
  const parametersOf = (hash: string) => hash.split('$').slice(1, 4);
  expect(parametersOf(DECOY_HASH)).toEqual(parametersOf(await hashPassword('a password')));
  load.calls = 0;
  expect(await verifyPassword('a password', DECOY_HASH)).toBe(false);
  expect(load.calls).toBe(1);
});

describe('a malformed hash fits nothing', () => {
  test.each([
    ['nothing', ''],
    ['a plain password', 'password'],
    ['another function', REFERENCE.replace('argon2id', 'argon2i')],
    ['another version', REFERENCE.replace('v=19', 'v=16')],
    ['a missing part', REFERENCE.slice(0, REFERENCE.lastIndexOf('$'))],
    ['an empty tag', REFERENCE.slice(0, REFERENCE.lastIndexOf('$') + 1)],
    ['a trailing line', `${REFERENCE}\n`],
    ['something in front', ` ${REFERENCE}`],
    ['characters outside base64', REFERENCE.replace('nf65', 'nf_5')],
    ['too little memory', REFERENCE.replace('m=256', 'm=1')],
    ['more memory than there can be', REFERENCE.replace('m=256', 'm=99999999999')],
    ['no passes', REFERENCE.replace('t=2', 't=0')],
    ['no lanes', REFERENCE.replace('p=1', 'p=0')],
    ['a salt that is too short', REFERENCE.replace('c29tZXNhbHQ', 'c29t')],
    ['a tag that is too short', `${REFERENCE.slice(0, REFERENCE.lastIndexOf('$'))}$nf6`],
    ['a tag of half a byte', `${REFERENCE.slice(0, REFERENCE.lastIndexOf('$'))}$n`],
  ])('%s', async (_, hash) => {
    expect(await verifyPassword('password', hash)).toBe(false);
  });
});

describe('a flood of passwords', () => {
  test('is hashed two at a time, and all of it in the end', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => verifyPassword(index % 2 === 0 ? 'password' : 'wrong', REFERENCE)),
    );
    expect(answers.filter(Boolean)).toHaveLength(20);
    expect(load).toEqual({ now: 0, most: 2, calls: 40 });
  });

  test('keeps its two places after faulty hashes', async () => {
    const faulty = REFERENCE.replace('m=256', 'm=1');
    await Promise.allSettled(Array.from({ length: 10 }, () => verifyPassword('password', faulty)));
    Object.assign(load, { now: 0, most: 0, calls: 0 });
    await Promise.all(Array.from({ length: 10 }, () => verifyPassword('password', REFERENCE)));
    expect(load).toEqual({ now: 0, most: 2, calls: 10 });
  });
});
