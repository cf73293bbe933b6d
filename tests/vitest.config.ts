import { resolve } from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const ROOT = resolve(import.meta.dirname, '..');

interface Suite {
  readonly name: string;
  readonly testTimeoutMs: number;
  /** Hooks start servers and databases; they may take longer than a test. */
  readonly hookTimeoutMs: number;
  /** Whether each run gets a throw-away PostgreSQL of its own, started once for the suite. */
  readonly needsDatabase: boolean;
}

/** One suite for each folder of tests. `npm test` runs the first three; the others have scripts of their own. */
const SUITES: readonly Suite[] = [
  { name: 'unit', testTimeoutMs: 5_000, hookTimeoutMs: 10_000, needsDatabase: false },
  { name: 'contract', testTimeoutMs: 20_000, hookTimeoutMs: 60_000, needsDatabase: true },
  { name: 'integration', testTimeoutMs: 20_000, hookTimeoutMs: 60_000, needsDatabase: true },
  { name: 'e2e', testTimeoutMs: 90_000, hookTimeoutMs: 90_000, needsDatabase: true },
  { name: 'reliability', testTimeoutMs: 120_000, hookTimeoutMs: 120_000, needsDatabase: true },
];

function projectOf({ name, testTimeoutMs, hookTimeoutMs, needsDatabase }: Suite): TestProjectInlineConfiguration {
  return {
    extends: true,
    root: ROOT,
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      testTimeout: testTimeoutMs,
      hookTimeout: hookTimeoutMs,
      globalSetup: needsDatabase ? [resolve(ROOT, 'tests/support/global-setup.ts')] : [],
    },
  };
}

export default defineConfig({
  root: ROOT,
  test: {
    environment: 'node',
    pool: 'forks',
    // Two cores at the weakest supported machine; more workers only make timeouts of the slow suites tighter. `npm test` takes three:
    // its tests wait more than they work.
    maxWorkers: 2,
    // A test that passes the second time hides a race.
    retry: 0,
    allowOnly: false,
    passWithNoTests: false,
    // A console line of a passing test is noise in the log of a run.
    silent: 'passed-only',
    restoreMocks: true,
    unstubEnvs: true,
    projects: SUITES.map(projectOf),
  },
});
