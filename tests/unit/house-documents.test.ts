import { describe, expect, it } from 'vitest';
import { checkDocument } from '../../scripts/check-docs/check-document.ts';
import { placeEnvironmentTable } from '../../scripts/check-docs/environment-table.ts';
import type { House } from '../../scripts/check-docs/house.ts';
import { runExamples } from '../../scripts/check-docs/run-examples.ts';

const FILES: Record<string, string> = {
  'README.md': '# Photo *booth*\n\n## Rooms, and `doors`\n\n## Rooms\n\n## Rooms\n\n<a id="map"></a>\n',
  'spec/docs/vision.md': '',
  'src/domain/errors.ts': '',
  'handlers/*.ts': '',
};
const HOUSE: House = {
  matches: (pattern) => pattern in FILES || ['spec', 'spec/docs', 'src/domain'].includes(pattern),
  read: (path) => FILES[path],
  scripts: new Set(['start', 'test:e2e', 'check:docs']),
};

function found(text: string, path = 'README.md'): string[] {
  return checkDocument({ path, text }, HOUSE).map(({ line, message }) => `${line} ${message}`);
}

describe('a cited path', () => {
  it.each([
    '`src/domain/errors.ts`',
    '`src/domain/errors.ts:12`, `./src/domain/errors.ts#ERROR_STATUS`, `src/domain/`',
    '`handlers/<operationId>.ts` and `node src/domain/errors.ts --fast`',
    '```\nsrc/domain/errors.ts   errors\n```',
    'a path of another house: `graphile/worker:src/sql/getJobs.ts`, `../src/x.ts`, `providers/x.md`',
    'prose about src/nothing.ts is not a citation',
  ])('may be: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  it('exists, in spans, blocks and YAML', () => {
    expect(found('one\n`src/gone.ts`')).toEqual(['2 src/gone.ts does not exist']);
    expect(found('```sh\nnode scripts/gone.ts\n```')).toEqual(['2 scripts/gone.ts does not exist']);
    expect(found('~~~\n```\n.ci/gone, (tests/gone.ts).\n~~~')).toEqual([
      '3 .ci/gone does not exist',
      '3 tests/gone.ts does not exist',
    ]);
    expect(found('read:\n  - spec/docs/gone.md', '.memory/INDEX.yaml')).toEqual(['2 spec/docs/gone.md does not exist']);
  });
});

describe('a link', () => {
  it.each([
    '[v](spec/docs/vision.md) [s](/spec/docs/) ![i](<spec/docs/vision.md> "Title")',
    '[web](https://example.com/gone) [mail](mailto:a@example.com)',
    '[a](README.md#photo-booth) [b](README.md#rooms-and-doors) [c](README.md#rooms-1) [d](README.md#map)',
    '# Here\n[e](#here)',
    '`[x](gone.md)`',
    '[r]: spec/docs/vision.md',
  ])('may be: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    ['[x](gone.md)', '1 link gone.md leads nowhere'],
    ['[![badge](gone.svg)](spec/docs/vision.md)', '1 link gone.svg leads nowhere'],
    ['[r]: gone.md', '1 link gone.md leads nowhere'],
    ['<img src="gone.png">', '1 link gone.png leads nowhere'],
    ['[x](../outside.md)', '1 link ../outside.md leads nowhere'],
    ['[x](#gone)', '1 no heading #gone here'],
    ['[x](README.md#rooms-2)', '1 README.md has no heading #rooms-2'],
  ])('leads somewhere: %s', (text, message) => {
    expect(found(text)).toEqual([message]);
  });

  it('is resolved from the folder of its document', () => {
    expect(found('[v](vision.md) [r](../../README.md)', 'spec/docs/use-cases.md')).toEqual([]);
  });
});

describe('a cited npm script', () => {
  it('exists', () => {
    expect(found('`npm start`, `npm run test:e2e -- --bail`, `npm run test:<suite>`')).toEqual([]);
    expect(found('`npm test`\n```sh\nnpm run gone\n```')).toEqual(['1 no npm script test', '3 no npm script gone']);
  });
});

describe('an example marked as runnable', () => {
  const run = (text: string): string[] =>
    runExamples({ path: 'README.md', text }, import.meta.dirname).map((one) => one.message);

  it('runs', () => {
    expect(run('```sh run\ntest -f house-documents.test.ts\n```\n```sh\nexit 1\n```')).toEqual([]);
  });

  it('is a finding when any of its commands fails', () => {
    expect(run('```bash run\necho before\nfalse\ntrue\n```')).toEqual(['example fails (exit 1): before']);
  });
});

describe('the environment table', () => {
  const readme = (table: string): string =>
    `# A\n<!-- environment:begin -->\n\n${table}\n\n<!-- environment:end -->\n## B\n`;

  it('replaces what is between the markers and nothing else', () => {
    expect(placeEnvironmentTable(readme('old'), '| new |\n')).toBe(readme('| new |'));
    expect(placeEnvironmentTable(readme('| new |'), '| new |')).toBe(readme('| new |'));
  });

  it.each(['', '<!-- environment:begin -->', `${readme('a')}${readme('b')}`])('needs both markers once: %j', (text) => {
    expect(() => placeEnvironmentTable(text, 'x')).toThrow('each once');
  });
});
