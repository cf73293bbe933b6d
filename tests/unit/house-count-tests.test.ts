import { describe, expect, it } from 'vitest';
import { countTests, type TestReport } from '../../scripts/count-tests.ts';

type File = TestReport['testResults'][number];

function file(name: string, statuses: readonly string[], status = 'passed'): File {
  const assertionResults = statuses.map((one, index) => ({ fullName: `test ${index}`, status: one }));
  return { name: `/clone/tests/${name}`, status, message: '', assertionResults };
}

function count(files: readonly File[], ...suites: string[]): string {
  const { passed, failed, skipped, failures } = countTests({ testResults: files }, suites);
  return `${passed} ${failed} ${skipped} ${failures.join('; ')}`.trim();
}

describe('the count of a test run', () => {
  it('sums what its suites passed, failed and left out', () => {
    const files = [
      file('unit/a.test.ts', ['passed', 'skipped', 'todo']),
      file('unit/b.test.ts', ['passed', 'failed'], 'failed'),
      file('e2e/c.test.ts', ['passed']),
    ];
    expect(count(files, 'unit')).toBe('2 1 2 tests/unit/b.test.ts > test 1');
    expect(count(files, 'unit', 'e2e')).toBe('3 1 2 tests/unit/b.test.ts > test 1');
  });

  it('has a failure for a suite that ran no test', () => {
    expect(count([file('unit/a.test.ts', ['passed'])], 'unit', 'contract')).toBe('1 1 0 contract: no test ran');
    expect(count([file('unit/a.test.ts', ['skipped'])], 'unit')).toBe('0 1 1 unit: no test ran');
  });

  it('has a failure for a file that could not be loaded or whose hook failed', () => {
    const broken = 'tests/unit/b.test.ts: a hook or an import fails';
    expect(count([file('unit/a.test.ts', ['passed']), file('unit/b.test.ts', [], 'failed')], 'unit')).toBe(
      `1 1 0 ${broken}`,
    );
    expect(count([file('unit/b.test.ts', ['skipped'], 'failed')], 'unit')).toBe(`0 1 1 ${broken}`);
  });
});
