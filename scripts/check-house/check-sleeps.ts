import ts from 'typescript';
import type { Finding } from './finding.ts';
import { findingAt, type HouseRule, walk } from './source.ts';

const QUICK_SUITES = /^tests\/(unit|contract|integration)\//;
const MESSAGE = 'a test does not sleep: wait for the event, move the clock or backdate the row';

/**
 * No sleeping in the quick suites: no promise that a timer alone resolves, no `node:timers/promises`, no call of `sleep` or
 * `delay`. A timer that rejects a promise is a deadline and stays allowed.
 */
export const checkSleeps: HouseRule = (source) => {
  if (!QUICK_SUITES.test(source.path)) {
    return [];
  }
  const findings: Finding[] = [];
  walk(source, (node) => {
    if (isTimedPromise(node) || importsTimers(node) || callsSleep(node)) {
      findings.push(findingAt(source, node, MESSAGE));
    }
  });
  return findings;
};

function isTimedPromise(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'Promise') {
    return false;
  }
  const executor = node.arguments?.[0];
  if (executor === undefined || !(ts.isArrowFunction(executor) || ts.isFunctionExpression(executor))) {
    return false;
  }
  const resolve = executor.parameters[0]?.name.getText();
  let found = false;
  const visit = (inner: ts.Node): void => {
    found ||= ts.isCallExpression(inner) && inner.expression.getText() === 'setTimeout' && resolves(inner, resolve);
    ts.forEachChild(inner, visit);
  };
  visit(executor.body);
  return found;
}

function resolves(timer: ts.CallExpression, resolve: string | undefined): boolean {
  const [callback] = timer.arguments;
  if (callback === undefined || resolve === undefined) {
    return false;
  }
  const isWrapped = ts.isArrowFunction(callback) && callback.body.getText().startsWith(`${resolve}(`);
  return callback.getText() === resolve || isWrapped;
}

function importsTimers(node: ts.Node): boolean {
  return ts.isImportDeclaration(node) && /^['"](node:)?timers\/promises['"]$/.test(node.moduleSpecifier.getText());
}

function callsSleep(node: ts.Node): boolean {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && /^(sleep|delay)$/.test(node.expression.text);
}
