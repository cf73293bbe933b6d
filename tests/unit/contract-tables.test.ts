import { describe, expect, test } from 'vitest';
import { chooseAcceptedType, chooseTableType } from '../../src/contract/accepted-type.ts';
import { type Cell, renderCsv } from '../../src/contract/csv.ts';

const choose = (accept: string | undefined) => chooseAcceptedType(accept, ['application/json', 'text/csv']);

describe('of JSON and CSV a client gets', () => {
  test.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; charset=utf-8', 'text/csv'],
    ['text/*', 'text/csv'],
    ['text/csv;q=0.9, application/json;q=0.8', 'text/csv'],
    ['text/csv, application/json', 'application/json'],
    ['application/json;q=0.5, */*', 'text/csv'],
    ['application/json;q=0, */*;q=0.1', 'text/csv'],
    ['text/html, application/xhtml+xml, */*;q=0.8', 'application/json'],
    ['no type at all', 'application/json'],
  ])('for Accept: %s what it likes best: %s', (accept, type) => {
    expect(choose(accept)).toBe(type);
  });

  test.each(['text/html', 'text/csv;q=0', 'image/*', 'application/json;q=0.000, text/csv;q=0'])(
    'for Accept: %s neither',
    (accept) => {
      expect(choose(accept)).toBeUndefined();
    },
  );

  test('what it names in the address, whatever it accepts', () => {
    expect(chooseTableType('csv', 'application/json')).toBe('text/csv');
    expect(chooseTableType('json', 'text/csv')).toBe('application/json');
    expect(() => chooseTableType(undefined, 'text/html')).toThrow(expect.objectContaining({ code: 'not_acceptable' }));
  });
});

describe('CSV', () => {
  test('has a header row, CRLF after every row, and nothing for null', () => {
    expect(
      renderCsv(
        ['a', 'b'],
        [
          [1, null],
          ['x', -2.5],
        ],
      ).toString(),
    ).toBe('a,b\r\n1,\r\nx,-2.5\r\n');
  });

  test.each([
    ['a,b', '"a,b"'],
    ['say "cheese"', '"say ""cheese"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    ['Fête', 'Fête'],
    ['=1+1', '"\'=1+1"'],
    ['+49 30', '"\'+49 30"'],
    ['-1', '"\'-1"'],
    ['@SUM(A1)', '"\'@SUM(A1)"'],
    ['\t=1', '"\'\t=1"'],
    ['=cmd("x",1)', '"\'=cmd(""x"",1)"'],
  ] as [Cell, string][])('has the cell %j as %s: quoted where it must be, never a formula', (cell, text) => {
    expect(renderCsv(['a'], [[cell]]).toString()).toBe(`a\r\n${text}\r\n`);
  });
});
