import ts from 'typescript';
import type { Finding } from './finding.ts';
import { findingAt, type HouseRule, type Source } from './source.ts';

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const OPERATION_ID = /^[a-z][A-Za-z0-9]*$/;
/** Words that name a drawer instead of what is in it. */
const EMPTY_WORDS = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'managers', 'data', 'info']);
/** Empty at the end of a name (`slotData`), but part of a term in front of another word (`dataDirectory`, `dataUrl`). */
const QUALIFYING_WORDS = new Set(['data', 'info']);

/** Kebab-case for folders and files; handlers carry the operationId. Endings (`.test.ts`) are not part of the name. */
export const checkFileName: HouseRule = ({ path }) => {
  const segments = path.split('/');
  const base = (segments.pop() ?? '').split('.', 1)[0] ?? '';
  const isHandler = path.startsWith('handlers/');
  const findings: Finding[] = [];
  if (!(isHandler ? OPERATION_ID : KEBAB).test(base)) {
    findings.push({ path, line: 1, message: `file name is not ${isHandler ? 'an operationId' : 'kebab-case'}` });
  }
  for (const folder of segments.filter((segment) => !KEBAB.test(segment))) {
    findings.push({ path, line: 1, message: `folder '${folder}' is not kebab-case` });
  }
  for (const word of [...segments, base].flatMap(wordsOf).filter((name) => EMPTY_WORDS.has(name))) {
    findings.push({ path, line: 1, message: `'${word}' in a path says nothing; name what is inside` });
  }
  return findings;
};

/** Exported names without words that say nothing. */
export const checkExportedNames: HouseRule = (source) =>
  exportedNames(source).flatMap((name) => {
    const words = wordsOf(name.text);
    const empty = words.find(
      (word, index) => EMPTY_WORDS.has(word) && (index === words.length - 1 || !QUALIFYING_WORDS.has(word)),
    );
    return empty === undefined
      ? []
      : [findingAt(source, name, `'${empty}' in the exported name ${name.text} says nothing; name what it is`)];
  });

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase());
}

function exportedNames(source: Source): ts.Identifier[] {
  return source.tree.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      return statement.exportClause && ts.isNamedExports(statement.exportClause)
        ? statement.exportClause.elements.map((element) => element.name).filter(ts.isIdentifier)
        : [];
    }
    if (!isExported(statement)) {
      return [];
    }
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map((declaration) => declaration.name).filter(ts.isIdentifier);
    }
    const { name } = statement as ts.DeclarationStatement;
    return name !== undefined && ts.isIdentifier(name) ? [name] : [];
  });
}

/** Whether a declaration carries the `export` keyword. */
export function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}
