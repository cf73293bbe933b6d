import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OPERATIONS } from '../../generated/operations.ts';
import { provedByRules } from '../support/contract-matrix.ts';

/** Declared answers without a test, each with its reason. Entries may only go: an answer that has a test may not stay here. */
const WITHOUT_TEST: Readonly<Record<string, string>> = {
  'downloadPublicResult 307': 'only a server that keeps its results in object storage redirects; there is none yet',
};

const TEST = /\banswers\(\s*'(\w+)',\s*(\d{3}),/g;

function tested(): string[] {
  const files = readdirSync(import.meta.dirname).filter((name) => /^operation-.*\.test\.ts$/.test(name));
  return files.flatMap((name) =>
    [...readFileSync(new URL(name, import.meta.url), 'utf8').matchAll(TEST)].map(([, id, status]) => `${id} ${status}`),
  );
}

const declared = Object.entries(OPERATIONS).flatMap(([id, { responses }]) =>
  Object.keys(responses).map((status) => `${id} ${status}`),
);

it('every declared answer of every operation has a test, but for those listed with a reason', () => {
  const covered = new Set([...tested(), ...provedByRules()]);
  expect(declared.filter((answer) => !covered.has(answer))).toEqual(Object.keys(WITHOUT_TEST));
});

it('no test expects an answer that is not declared', () => {
  expect(tested().filter((answer) => !declared.includes(answer))).toEqual([]);
});

it('no rule expects an answer that is not declared', () => {
  expect(provedByRules().filter((answer) => !declared.includes(answer))).toEqual([]);
});
