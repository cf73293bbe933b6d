import { expect, test } from 'vitest';
import { createLockedKeys } from '../../src/services/locked-keys.ts';

function memory() {
  let time = 0;
  const keys = createLockedKeys(() => time);
  const pass = (ms: number): void => {
    time += ms;
  };
  return { ...keys, pass };
}

test('a lock is believed for a second, and tells how much of it is left', () => {
  const { remember, waitMs, pass } = memory();
  remember('a', 60_000);
  pass(999);
  expect(waitMs('a')).toBe(59_001);
  pass(1);
  expect(waitMs('a')).toBe(0);
});

test('a lock that is shorter is believed to its end, and others are not known', () => {
  const { remember, waitMs, pass } = memory();
  remember('a', 10);
  pass(9);
  expect(waitMs('a')).toBe(1);
  expect(waitMs('b')).toBe(0);
  pass(1);
  expect(waitMs('a')).toBe(0);
});

test('no flood of keys fills the memory: the oldest are forgotten', () => {
  const { remember, waitMs } = memory();
  for (let index = 0; index <= 10_000; index += 1) remember(`key ${index}`, 1_000);
  expect(waitMs('key 0')).toBe(0);
  expect(waitMs('key 1')).toBe(1_000);
  expect(waitMs('key 10000')).toBe(1_000);
});
