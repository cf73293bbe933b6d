import { describe, expect, it } from 'vitest';
import { checkSource } from '../../scripts/check-house/check-source.ts';

const lines = (path: string, text: string): number[] => checkSource(path, text).map((finding) => finding.line);

describe('the environment', () => {
  it.each([
    'const path = process.env.PATH;',
    "const path = process.env['PATH'];",
    "const path = process['env'];",
    'const { env } = process;',
    'const path = globalThis.process.env.PATH;',
    "import { env } from 'node:process';",
    "import process from 'process';",
  ])('is not read in src and handlers: %s', (text) => {
    expect(lines('src/db/pool.ts', text)).toEqual([1]);
    expect(lines('handlers/getJob.ts', text)).toEqual([1]);
  });

  it('is read by src/config.ts, scripts and tests', () => {
    const text = 'const path = process.env.PATH;';
    expect(
      ['src/config.ts', 'scripts/demo.ts', 'tests/e2e/start.test.ts'].flatMap((path) => lines(path, text)),
    ).toEqual([]);
  });

  it('is settled by the entry for the thread pool and nothing else', () => {
    const text = "process.env.UV_THREADPOOL_SIZE ??= '8';";
    expect(lines('src/main.ts', text)).toEqual([]);
    expect(lines('src/main.ts', text.replace('UV_THREADPOOL_SIZE', 'PORT'))).toEqual([1]);
    expect(lines('src/main/run.ts', text)).toEqual([1]);
  });

  it('is not meant by other parts of the process', () => {
    expect(lines('src/main.ts', "process.on('SIGTERM', stop);\nconst { pid } = identity;")).toEqual([]);
  });
});

describe('a test', () => {
  it.each([
    'await new Promise((r) => setTimeout(r, 10));',
    'await new Promise((resolve) => setTimeout(() => resolve(1), 10));',
    'await new Promise<void>(function (done) { setTimeout(done, 10); });',
    'await sleep(10);',
    'await delay(10);',
    "import { setTimeout } from 'node:timers/promises';",
  ])('does not sleep: %s', (text) => {
    expect(lines('tests/unit/a.test.ts', text)).toEqual([1]);
    expect(lines('tests/contract/a.test.ts', text)).toEqual([1]);
    expect(lines('tests/integration/a.test.ts', text)).toEqual([1]);
  });

  it('may give up after a deadline', () => {
    const text =
      "new Promise((resolve, reject) => { setTimeout(() => reject(late), 9); source.once('end', resolve); });";
    expect(lines('tests/integration/a.test.ts', text)).toEqual([]);
  });

  it('may let time pass in the slow suites and in simulators', () => {
    const text = 'await new Promise((r) => setTimeout(r, 10));';
    expect(['tests/reliability/a.test.ts', 'tests/support/gemini.ts'].flatMap((path) => lines(path, text))).toEqual([]);
  });
});
