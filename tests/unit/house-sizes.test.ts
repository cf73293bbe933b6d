import { describe, expect, it } from 'vitest';
import { checkSource } from '../../scripts/check-house/check-source.ts';

const lines = (count: number, line = '// room'): string => `${line}\n`.repeat(count);
const functionOf = (count: number): string =>
  `/** Fills. */\nexport function fill() {\n${lines(count - 2, '  fill;')}}\n`;
const messages = (path: string, text: string): string[] => checkSource(path, text).map((finding) => finding.message);

describe('the size of a file', () => {
  it('may be 300 lines', () => {
    expect(messages('src/http/app.ts', lines(300))).toEqual([]);
  });

  it('may not be 301 lines, in a test neither', () => {
    const message = 'file has 301 lines, at most 300';
    expect(checkSource('src/http/app.ts', lines(301))).toEqual([{ path: 'src/http/app.ts', line: 301, message }]);
    expect(messages('tests/unit/app.test.ts', lines(301))).toEqual([message]);
  });

  it('does not matter for generated files and migrations', () => {
    expect(messages('generated/types.ts', lines(301))).toEqual([]);
    expect(messages('src/db/migrations/0001-tables.ts', functionOf(301))).toEqual([]);
  });
});

describe('the size of a function', () => {
  it('may be 50 lines, and 25 in a handler', () => {
    expect(messages('src/http/app.ts', functionOf(50))).toEqual([]);
    expect(messages('handlers/getJob.ts', functionOf(25))).toEqual([]);
  });

  it('may not be a line more', () => {
    const found = checkSource('src/http/app.ts', functionOf(51));
    expect(found).toEqual([{ path: 'src/http/app.ts', line: 2, message: 'function fill has 51 lines, at most 50' }]);
    expect(messages('handlers/getJob.ts', functionOf(26))).toEqual(['function fill has 26 lines, at most 25']);
  });

  it('counts for arrow functions, methods and test support, not for test files', () => {
    const body = `{\n${lines(49, '  fill;')}}`;
    expect(messages('src/http/app.ts', `const fill = () => ${body};`)).toEqual([
      'function fill has 51 lines, at most 50',
    ]);
    expect(messages('src/http/app.ts', `class Room { fill() ${body} }`)).toEqual([
      'function fill has 51 lines, at most 50',
    ]);
    expect(messages('tests/support/gemini.ts', functionOf(51))).toEqual(['function fill has 51 lines, at most 50']);
    expect(messages('tests/unit/app.test.ts', functionOf(51))).toEqual([]);
  });

  it('does not count the table of all operations as a handler', () => {
    expect(messages('handlers/index.ts', functionOf(26))).toEqual([]);
  });
});
