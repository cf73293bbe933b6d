import { expect, test } from 'vitest';
import { deletionOrder } from '../support/database.ts';

test('children are emptied before their parents', () => {
  const keys = [
    { child: 'event', parent: 'job' },
    { child: 'job', parent: 'slot' },
  ];
  expect(deletionOrder(['slot', 'job', 'event'], keys)).toEqual(['event', 'job', 'slot']);
});

test('a table that refers to itself or to a kept table does not block', () => {
  const keys = [
    { child: 'job', parent: 'job' },
    { child: 'job', parent: 'kept' },
  ];
  expect(deletionOrder(['job'], keys)).toEqual(['job']);
});

test('tables that refer to each other are all named once', () => {
  const keys = [
    { child: 'a', parent: 'b' },
    { child: 'b', parent: 'a' },
  ];
  expect(deletionOrder(['a', 'b'], keys).sort()).toEqual(['a', 'b']);
});
