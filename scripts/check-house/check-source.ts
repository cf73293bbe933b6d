import { checkCompilerOn, checkExportsDocumented } from './check-comments.ts';
import { checkEnvironmentReads } from './check-environment.ts';
import { checkExportedNames, checkFileName } from './check-names.ts';
import { checkFileSize, checkFunctionSizes } from './check-sizes.ts';
import { checkSleeps } from './check-sleeps.ts';
import { type Finding, formatFinding } from './finding.ts';
import { type HouseRule, parseSource } from './source.ts';

const RULES: readonly HouseRule[] = [
  checkFileName,
  checkFileSize,
  checkFunctionSizes,
  checkExportedNames,
  checkExportsDocumented,
  checkCompilerOn,
  checkEnvironmentReads,
  checkSleeps,
];

/** Every breach in one file, once, in the order of its lines. Generated files and migrations are exempt from all rules. */
export function checkSource(path: string, text: string): Finding[] {
  if (path.startsWith('generated/') || path.startsWith('src/db/migrations/')) {
    return [];
  }
  const source = parseSource(path, text);
  const findings = RULES.flatMap((rule) => rule(source));
  const distinct = new Map(findings.map((finding) => [formatFinding(finding), finding]));
  return [...distinct.values()].sort((left, right) => left.line - right.line);
}
