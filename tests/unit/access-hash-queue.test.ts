import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHashQueue } from '../../src/services/access/hash-queue.ts';

const HASH_MS = 30;
/** A hash and the rest after it. */
const TURN_MS = 10 * HASH_MS;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A hash that is ready after so long, by the tests' clock. */
function hashOf(durationMs: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  setTimeout(() => resolve(Date.now()), durationMs);
  return promise;
}
const hash = () => hashOf(HASH_MS);
const queue = () => createHashQueue(() => Date.now());

test('one that comes alone never waits', async () => {
  const { run } = queue();
  for (let times = 0; times < 3; times += 1) {
    const begunAt = Date.now();
    const ended = run(hash);
    await vi.advanceTimersByTimeAsync(HASH_MS);
    expect((await ended) - begunAt).toBe(HASH_MS);
    await vi.advanceTimersByTimeAsync(1_000);
  }
});

test('many run one at a time, in their order, with a rest of nine times the hash after each', async () => {
  const { run } = queue();
  const begunAt = Date.now();
  const ended = Promise.all(Array.from({ length: 10 }, () => run(hash)));
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await ended).map((at) => at - begunAt)).toEqual(
    Array.from({ length: 10 }, (_, index) => index * TURN_MS + HASH_MS),
  );
  expect(vi.getTimerCount()).toBe(0);
});

test('nobody waits longer than some 5 s: who would is told so at once, with how long it takes', async () => {
  const { run, demandPlace } = queue();
  const outcomes = Array.from({ length: 100 }, () =>
    run(hash).then(
      () => 'hashed',
      (error) => error,
    ),
  );
  expect(demandPlace).toThrow(expect.objectContaining({ code: 'login_throttled', retryAfterSeconds: 6 }));
  await vi.advanceTimersByTimeAsync(20_000);
  const answers = await Promise.all(outcomes);
  const hashed = answers.filter((answer) => answer === 'hashed').length;
  expect(hashed * TURN_MS).toBeGreaterThan(4_800);
  expect(hashed * TURN_MS).toBeLessThan(5_700);
  expect(answers.filter((answer) => answer?.code === 'login_throttled')).toHaveLength(100 - hashed);
  expect(demandPlace).not.toThrow();
});

test('the pace follows how long a hash takes on this machine', async () => {
  const { run, demandPlace } = queue();
  const slow = () => hashOf(200);
  void run(slow);
  await vi.advanceTimersByTimeAsync(200);
  const waiting = [run(slow), run(slow), run(slow)];
  expect(demandPlace).toThrow(expect.objectContaining({ code: 'login_throttled' }));
  await vi.advanceTimersByTimeAsync(10_000);
  await Promise.all(waiting);
});

test('a hash that fails gives its place to the next one', async () => {
  const { run } = queue();
  const failing = run(() => Promise.reject(new Error('no memory')));
  const next = run(hash);
  await expect(failing).rejects.toThrow('no memory');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await next).toBeGreaterThan(0);
});
