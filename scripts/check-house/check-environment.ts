import ts from 'typescript';
import type { Finding } from './finding.ts';
import { findingAt, type HouseRule, walk } from './source.ts';

const READER = 'src/config.ts';
const ENTRY = 'src/main.ts';

/**
 * Only `src/config.ts` reads the environment: one reader can report all faults at once and render the table of variables.
 * Finds `process.env` in any spelling, and every import of `process`, behind which `env` could hide. The entry may settle
 * libuv's thread pool, which counts only before any other module is loaded.
 */
export const checkEnvironmentReads: HouseRule = (source) => {
  const isServer = source.path.startsWith('src/') || source.path.startsWith('handlers/');
  if (!isServer || source.path === READER) {
    return [];
  }
  const findings: Finding[] = [];
  walk(source, (node) => {
    if ((readsEnvironment(node) && !settlesThreadPool(source.path, node)) || importsProcess(node)) {
      findings.push(findingAt(source, node, `only ${READER} reads the environment; take the value as an argument`));
    }
  });
  return findings;
};

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === 'env' && isProcess(node.expression);
  }
  if (ts.isElementAccessExpression(node)) {
    return isProcess(node.expression);
  }
  return ts.isVariableDeclaration(node) && node.initializer !== undefined && isProcess(node.initializer);
}

function settlesThreadPool(path: string, node: ts.Node): boolean {
  return path === ENTRY && node.parent.getText() === 'process.env.UV_THREADPOOL_SIZE';
}

function isProcess(node: ts.Expression): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === 'process' && node.expression.getText() === 'globalThis';
  }
  return ts.isIdentifier(node) && node.text === 'process';
}

function importsProcess(node: ts.Node): boolean {
  return (
    ts.isImportDeclaration(node) &&
    ts.isStringLiteral(node.moduleSpecifier) &&
    /^(node:)?process$/.test(node.moduleSpecifier.text)
  );
}
