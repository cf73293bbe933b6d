/**
 * Holds the documents against the repository: cited paths, relative links, npm scripts, examples marked `sh run`, and the
 * README's table of environment variables, which `--write` renews. Prints `path:line message` and exits with 1 on a finding.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkDocument, type Document } from './check-docs/check-document.ts';
import { placeEnvironmentTable } from './check-docs/environment-table.ts';
import { openHouse } from './check-docs/house.ts';
import { runExamples } from './check-docs/run-examples.ts';
import { type Finding, formatFinding } from './check-house/finding.ts';

const ROOT = resolve(import.meta.dirname, '..');
const DOCUMENTS = ['README.md', '.memory/*.{md,yaml}', 'spec/**/*.md'];

function readDocuments(): Document[] {
  const paths = globSync(DOCUMENTS, { cwd: ROOT }).map((path) => path.replaceAll('\\', '/'));
  return paths.sort().map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** What the configuration says about itself, or nothing while it does not. */
async function renderEnvironmentTable(): Promise<string | undefined> {
  const path = join(ROOT, 'src/config.ts');
  if (!existsSync(path)) {
    return undefined;
  }
  const config: { renderEnvironmentTable?: () => string } = await import(pathToFileURL(path).href);
  return config.renderEnvironmentTable?.();
}

async function checkEnvironmentTable(mayWrite: boolean): Promise<Finding[]> {
  const path = 'README.md';
  const table = await renderEnvironmentTable();
  if (table === undefined) {
    return [];
  }
  const readme = existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : '';
  try {
    const renewed = placeEnvironmentTable(readme, table);
    if (renewed !== readme && mayWrite) {
      writeFileSync(join(ROOT, path), renewed);
    }
    const isStale = renewed !== readme && !mayWrite;
    return isStale ? [{ path, line: 1, message: 'environment table is stale: npm run check:docs -- --write' }] : [];
  } catch (error) {
    return [{ path, line: 1, message: error instanceof Error ? error.message : String(error) }];
  }
}

const tableFindings = await checkEnvironmentTable(process.argv.includes('--write'));
const house = openHouse(ROOT);
const documents = readDocuments();
const findings = [
  ...tableFindings,
  ...documents.flatMap((document) => [...checkDocument(document, house), ...runExamples(document, ROOT)]),
];
for (const finding of findings) {
  console.log(formatFinding(finding));
}
console.log(`docs: ${documents.length} documents, ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
