import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createIngestPasswordCheck } from '../../src/services/settings/ingest-password.ts';
import { hashPassword } from '../../src/services/settings/password-hash.ts';

const hashes = vi.hoisted(() => ({ count: 0 }));

/** The real Argon2, counted. */
vi.mock('node:crypto', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:crypto')>();
  const argon2: typeof real.argon2 = (algorithm, parameters, done) => {
    hashes.count += 1;
    return real.argon2(algorithm, { ...parameters, memory: 256 }, done);
  };
  return { ...real, argon2 };
});

const HERE = '192.0.2.1';
let hash: string;
let anotherHash: string;

beforeAll(async () => {
  hash = await hashPassword('right');
  anotherHash = await hashPassword('another');
});
beforeEach(() => {
  hashes.count = 0;
});

function checkWithClock() {
  let time = 0;
  const check = createIngestPasswordCheck(() => time);
  const pass = (ms: number): void => {
    time += ms;
  };
  return { ...check, pass };
}

test('a right password opens, a wrong, an empty and a missing one do not, and without a hash nothing does', async () => {
  const { isRight } = checkWithClock();
  expect(await isRight('right', hash, HERE)).toBe(true);
  expect(await isRight('wrong', hash, HERE)).toBe(false);
  expect(await isRight('', hash, HERE)).toBe(false);
  expect(await isRight(undefined, hash, HERE)).toBe(false);
  expect(await isRight('right', undefined, HERE)).toBe(false);
});

test('once a right password is known, nothing is hashed any more', async () => {
  const { isRight } = checkWithClock();
  await isRight('right', hash, HERE);
  for (let index = 0; index < 1_000; index += 1) expect(await isRight(`wrong ${index}`, hash, HERE)).toBe(false);
  expect(await isRight('right', hash, HERE)).toBe(true);
  expect(hashes.count).toBe(1);
});

test('a changed hash is proved afresh', async () => {
  const { isRight } = checkWithClock();
  expect(await isRight('right', hash, HERE)).toBe(true);
  expect(await isRight('right', anotherHash, HERE)).toBe(false);
  expect(await isRight('another', anotherHash, HERE)).toBe(true);
  expect(await isRight('another', hash, HERE)).toBe(false);
});

test('a password that was learnt beforehand needs no hash; a wrong one that was given changes nothing', async () => {
  const { isRight, learn } = checkWithClock();
  await learn('wrong', hash);
  await learn('right', hash);
  hashes.count = 0;
  expect(await isRight('right', hash, HERE)).toBe(true);
  expect(await isRight('wrong', hash, HERE)).toBe(false);
  expect(hashes.count).toBe(0);
});

describe('before a right password is known', () => {
  test('a station that is set up wrongly is hashed once, however often it comes', async () => {
    const { isRight } = checkWithClock();
    await Promise.all(Array.from({ length: 200 }, () => isRight('wrong', hash, HERE)));
    for (let times = 0; times < 200; times += 1) await isRight('wrong', hash, HERE);
    expect(hashes.count).toBe(1);
    expect(await isRight('right', hash, HERE)).toBe(true);
  });

  test('guesses of one address are hashed 20 times a minute, and other addresses are not held up', async () => {
    const { isRight, pass } = checkWithClock();
    const guess = (word: string, address = HERE) => isRight(word, hash, address).catch((error) => error);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => guess(`wrong ${index}`)));
    expect(answers.filter((answer) => answer === false)).toHaveLength(20);
    expect(answers.at(-1)).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
    expect(hashes.count).toBe(20);
    pass(60_000);
    expect(await guess('wrong 99')).toBe(false);
    expect(await guess('right', '192.0.2.2')).toBe(true);
    expect(await guess('right')).toBe(true);
  });

  test('the hashes that wait are bounded over all addresses', async () => {
    const { isRight } = checkWithClock();
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, index) =>
        isRight(`wrong ${index}`, hash, `192.0.2.${index}`).catch((error) => error),
      ),
    );
    expect(answers.filter((answer) => answer === false)).toHaveLength(100);
    expect(answers.at(-1)).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
  });
});
