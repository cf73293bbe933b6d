import ts from 'typescript';
import type { Finding } from './finding.ts';
import { findingAt, type HouseRule, type Source, walk } from './source.ts';

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 50;
const HANDLER_LINES_MAX = 25;

/** Files of at most 300 lines; a final newline opens no new line. */
export const checkFileSize: HouseRule = ({ path, text }) => {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return lines > FILE_LINES_MAX
    ? [{ path, line: FILE_LINES_MAX + 1, message: `file has ${lines} lines, at most ${FILE_LINES_MAX}` }]
    : [];
};

/**
 * Functions of at most 50 lines, 25 in a handler, from the first line of the signature to the closing brace. Test files are
 * exempt: a `describe` holds the whole file.
 */
export const checkFunctionSizes: HouseRule = (source) => {
  if (source.path.endsWith('.test.ts')) {
    return [];
  }
  const isHandler = source.path.startsWith('handlers/') && source.path !== 'handlers/index.ts';
  const linesMax = isHandler ? HANDLER_LINES_MAX : FUNCTION_LINES_MAX;
  const findings: Finding[] = [];
  walk(source, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) {
      return;
    }
    const lines = ownLinesOf(source, node);
    if (lines > linesMax) {
      findings.push(findingAt(source, node, `${nameOf(node)} has ${lines} lines, at most ${linesMax}`));
    }
  });
  return findings;
};

/** A function's own lines: those of functions inside it are measured on their own, so a factory that holds state is not one function. */
function ownLinesOf(source: Source, node: ts.Node): number {
  let inner = 0;
  const visit = (child: ts.Node): void => {
    if (ts.isFunctionLike(child)) inner += linesOf(source, child) - 1;
    else ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return linesOf(source, node) - inner;
}

function linesOf(source: Source, node: ts.Node): number {
  const first = source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line;
  return source.tree.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) {
    return `function ${node.name.getText()}`;
  }
  const owner = node.parent;
  const isNamed = ts.isVariableDeclaration(owner) || ts.isPropertyAssignment(owner);
  return isNamed ? `function ${owner.name.getText()}` : 'anonymous function';
}
