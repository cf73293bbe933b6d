import { expect, test } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { ADMINISTRATOR_NAME, FIRST_ADMINISTRATOR, passwordFault } from '../../src/domain/administrators.ts';

test.each([
  ['eleven char', 'must have at least 12 characters'],
  ['x'.repeat(129), 'must have at most 128 characters'],
  ['Serg.the.First', 'must not be the name'],
  ['twelve chars', undefined],
  ['x'.repeat(128), undefined],
])('the password %j: %s', (password, fault) => {
  expect(passwordFault(password, 'serg.the.first')).toBe(fault);
});

test('no administrator can have the name under which the command line is written down', () => {
  expect(COMMAND_LINE.name).not.toMatch(ADMINISTRATOR_NAME);
  expect(FIRST_ADMINISTRATOR).toMatch(ADMINISTRATOR_NAME);
});

test.each(['ab', 'Serg', 'serg ', 'serg\n', 'сергей', 'a'.repeat(65), ''])('%j is no name', (name) => {
  expect(name).not.toMatch(ADMINISTRATOR_NAME);
});
