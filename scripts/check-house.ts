/**
 * Holds every source file against the rules of the house that neither the compiler nor the linter knows: sizes, names, TSDoc
 * on exports, one reader of the environment, tests that do not sleep. Prints `path:line message` and exits with 1 on a finding.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkSource } from './check-house/check-source.ts';
import { formatFinding } from './check-house/finding.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SOURCES = '{src,handlers,scripts,tests}/**/*.{ts,tsx,mts,cts,js,mjs,cjs}';

const paths = globSync(SOURCES, { cwd: ROOT }).map((path) => path.replaceAll('\\', '/'));
const findings = paths.sort().flatMap((path) => checkSource(path, readFileSync(join(ROOT, path), 'utf8')));

for (const finding of findings) {
  console.log(formatFinding(finding));
}
console.log(`house: ${paths.length} files, ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
