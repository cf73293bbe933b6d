import { describe, expect, it } from 'vitest';
import { checkSource } from '../../scripts/check-house/check-source.ts';

const found = (path: string, text: string): string[] =>
  checkSource(path, text).map(({ line, message }) => `${line} ${message}`);

describe('an export of src', () => {
  it.each([
    'export const room = 1;',
    'export function room() {}',
    'export class room {}',
    'export interface room {}',
    'export type room = 1;',
    '// not TSDoc\nexport const room = 1;',
    "/** The file. */\nimport { x } from './x.ts';\nexport const room = x;",
  ])('carries a TSDoc comment, unlike: %s', (text) => {
    expect(found('src/media/disk.ts', text)).toEqual([
      expect.stringMatching(/^\d exported room has no TSDoc comment$/),
    ]);
  });

  it.each([
    '/** A room. */\nexport const room = 1;',
    '/** One. */\nexport function room(): void;\nexport function room(x?: number): void {}',
    "export { room } from './room.ts';",
    'const room = 1;',
  ])('is fine: %s', (text) => {
    expect(found('src/media/disk.ts', text)).toEqual([]);
  });

  it('is not asked for outside src', () => {
    expect(found('scripts/demo.ts', 'export const room = 1;')).toEqual([]);
  });
});

describe('the compiler', () => {
  it.each([
    '// @ts-nocheck\nconst x = 1;',
    'const y = 2;\n// @ts-ignore\nconst x = 1;',
    '/* @ts-ignore */ const x = 1;',
  ])('is never switched off: %s', (text) => {
    expect(found('src/media/disk.ts', text)).toEqual([expect.stringContaining('the compiler is switched off here')]);
  });
});
