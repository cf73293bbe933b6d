import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const HEADER = 'PhotoChanger-Rehearsal';

interface Answer {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}
interface ContractDocument {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses?: Readonly<Record<string, Answer>> }>>>
  >;
  readonly components: { readonly responses: Readonly<Record<string, Answer>> };
}

const contract = JSON.parse(
  readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8'),
) as ContractDocument;

test('every answer of every operation declares the mark of a rehearsal', () => {
  const answers = Object.entries(contract.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses = {} }]) =>
      Object.entries(responses).map(([status, answer]) => ({ name: `${method} ${path} ${status}`, answer })),
    ),
  );
  expect(answers.length).toBeGreaterThan(200);
  const unmarked = answers.filter(({ answer }) => {
    const shared =
      answer.$ref === undefined ? undefined : contract.components.responses[answer.$ref.split('/').at(-1) ?? ''];
    return !Object.hasOwn((shared ?? answer).headers ?? {}, HEADER);
  });
  expect(unmarked.map(({ name }) => name)).toEqual([]);
});
