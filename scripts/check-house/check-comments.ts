import ts from 'typescript';
import { isExported } from './check-names.ts';
import type { Finding } from './finding.ts';
import { findingAt, type HouseRule, walk } from './source.ts';

/** A TSDoc comment on every declaration that `src` exports; of overloads, the first one carries it. */
export const checkExportsDocumented: HouseRule = (source) => {
  if (!source.path.startsWith('src/')) {
    return [];
  }
  const documented = new Set<string>();
  const findings: Finding[] = [];
  for (const statement of source.tree.statements.filter(isExported)) {
    const name = declaredName(statement);
    if (ts.getJSDocCommentsAndTags(statement).length > 0) {
      documented.add(name);
    } else if (!documented.has(name)) {
      findings.push(findingAt(source, statement, `exported ${name} has no TSDoc comment`));
    }
  }
  return findings;
};

/** No comment that switches the compiler off for a whole file; Biome refuses the ones for a line. */
export const checkCompilerOn: HouseRule = (source) => {
  const findings: Finding[] = [];
  walk(source, (node) => {
    const comments = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
    const off = comments.some(({ pos, end }) => /^\/[/*]\s*@ts-(nocheck|ignore)\b/.test(source.text.slice(pos, end)));
    if (off && (node.parent === undefined || node.parent.getFullStart() !== node.getFullStart())) {
      findings.push(findingAt(source, node, 'the compiler is switched off here; fix the type'));
    }
  });
  return findings;
};

function declaredName(statement: ts.Statement): string {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((declaration) => declaration.name.getText()).join(', ');
  }
  return (statement as ts.DeclarationStatement).name?.getText() ?? 'default';
}
