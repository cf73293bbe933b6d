/**
 * `node scripts/count-tests.ts <report.json> <suite>...`: counts vitest's JSON report and prints `<passed> <failed> <skipped>`
 * on stdout; what failed, and the count of each suite, goes to stderr. A suite without a test that ran counts as a failure, so
 * does a file that could not be loaded.
 */
import { readFileSync } from 'node:fs';

/** The part of vitest's JSON report (the one of Jest) that is counted. */
export interface TestReport {
  readonly testResults: readonly {
    /** Absolute path of the test file. */
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** The sum over some suites; `failures` names each failed test or file once, `suites` tells each suite's own sum. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  readonly suites: readonly string[];
}

const FAILURES_SHOWN_MAX = 30;
const FAILURE_LENGTH_MAX = 200;

/** Counts the files below `tests/<suite>/` of each suite. Pure. */
export function countTests(report: TestReport, suites: readonly string[]): TestCount {
  const counts = suites.map((suite) => countSuite(report, suite));
  return {
    passed: sum(counts.map((count) => count.passed)),
    failed: sum(counts.map((count) => count.failures.length)),
    skipped: sum(counts.map((count) => count.skipped)),
    failures: counts.flatMap((count) => count.failures),
    suites: counts.map(({ suite, passed, failures, skipped }) => {
      return `${suite}: ${passed} passed, ${failures.length} failed, ${skipped} skipped`;
    }),
  };
}

function countSuite(report: TestReport, suite: string) {
  const files = report.testResults.filter((file) => file.name.replaceAll('\\', '/').includes(`/tests/${suite}/`));
  const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ file: fileName(file.name), ...test })));
  const passed = tests.filter((test) => test.status === 'passed').length;
  const failures = tests.filter((test) => test.status === 'failed').map((test) => `${test.file} > ${test.fullName}`);
  const broken = files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  failures.push(...broken.map((file) => `${fileName(file.name)}: ${file.message || 'a hook or an import fails'}`));
  if (passed + failures.length === 0) {
    failures.push(`${suite}: no test ran`);
  }
  const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').length;
  return { suite, passed, failures, skipped };
}

function fileName(path: string): string {
  return path.replaceAll('\\', '/').replace(/^.*\/tests\//, 'tests/');
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

if (import.meta.main) {
  const [path = '', ...suites] = process.argv.slice(2);
  const count = countTests(JSON.parse(readFileSync(path, 'utf8')), suites);
  for (const failure of count.failures.slice(0, FAILURES_SHOWN_MAX)) {
    console.error(`failed: ${failure.replaceAll('\n', ' ').slice(0, FAILURE_LENGTH_MAX)}`);
  }
  if (count.failures.length > FAILURES_SHOWN_MAX) {
    console.error(`… and ${count.failures.length - FAILURES_SHOWN_MAX} more`);
  }
  for (const suite of count.suites) {
    console.error(suite);
  }
  console.log(`${count.passed} ${count.failed} ${count.skipped}`);
}
