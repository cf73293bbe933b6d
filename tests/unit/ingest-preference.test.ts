import { expect, it } from 'vitest';
import { isPreferred } from '../../src/contract/preference.ts';

it.each([
  'respond-async',
  'Respond-Async',
  ' respond-async ',
  'respond-async, wait=10',
  'wait=10,respond-async',
  'wait=10, , respond-async',
  'handling=lenient; foo="a, b", respond-async',
  'foo="\\"", respond-async',
  'respond-async; x=1; y="a,b"',
  'respond-async;',
  'respond-async=',
  'respond-async=""',
])('%s asks for it', (header) => {
  expect(isPreferred(header, 'respond-async')).toBe(true);
});

it.each([
  undefined,
  '',
  ',',
  'wait=10',
  'respond-asynchronously',
  'no respond-async',
  'respond-async now',
  'respond-async=no',
  'respond-async="no"',
  'foo=respond-async',
  'foo="a, respond-async"',
  'foo="a, respond-async',
  '"respond-async"',
  'foo; respond-async',
  `${' '.repeat(1_000)}respond-async`,
])('%s does not', (header) => {
  expect(isPreferred(header, 'respond-async')).toBe(false);
});
