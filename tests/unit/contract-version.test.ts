import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import {
  checkVersion,
  compareVersions,
  raise,
  readLastRelease,
  type VersionFile,
} from '../../scripts/check-contract/version.ts';
import { makeDocument, makeOperation } from '../support/small-contract.ts';

const contract = (version: string, operation: object) => ({
  ...makeDocument({ '/x': { get: operation } }),
  info: { title: 'small', version },
});
const file = (version: string): VersionFile => ({
  version,
  released_at: null,
  changes: [{ kind: 'additive', summary: 'something' }],
});

const released = contract('1.2.3', makeOperation('x'));
const worded = makeOperation('x', { summary: 'new' });
const added = makeOperation('x', { responses: { 200: { description: 'fine' }, 404: { description: 'no' } } });
const broken = makeOperation('y');

describe('the version', () => {
  it.each([
    ['nothing', makeOperation('x'), '1.2.3'],
    ['wording', worded, '1.2.4'],
    ['an addition', added, '1.3.0'],
    ['a break', broken, '2.0.0'],
  ])('after %s must be raised exactly so far or further', (_name, operation, needed) => {
    expect(checkVersion(contract(needed, operation), file(needed), released)).toEqual([]);
    expect(checkVersion(contract('9.0.0', operation), file('9.0.0'), released)).toEqual([]);
  });

  it.each([
    ['wording', worded, '1.2.3', 'raise the version to 1.2.4'],
    ['an addition', added, '1.2.99', 'raise the version to 1.3.0'],
    ['a break', broken, '1.99.0', 'raise the version to 2.0.0'],
    ['nothing but an older number', makeOperation('x', { summary: 'new' }), '1.2.2', 'raise the version to 1.2.4'],
  ])('that is too small after %s is refused with the version that is needed', (_name, operation, version, advice) => {
    const findings = checkVersion(contract(version, operation), file(version), released);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.message).toContain(advice);
  });

  it('before the first release may be any', () => {
    expect(checkVersion(contract('0.6.0', broken), file('0.6.0'), undefined)).toEqual([]);
  });

  it('is the same in both files', () => {
    expect(checkVersion(contract('1.2.3', broken), file('1.2.4'), undefined)).toMatchObject([
      { message: expect.stringContaining('make them equal') },
    ]);
  });

  it.each([
    [{ ...file('1.2'), version: '1.2' }],
    [{ ...file('1.2.3'), released_at: 'yesterday' }],
    [{ ...file('1.2.3'), changes: [] }],
    [{ ...file('1.2.3'), changes: [{ kind: 'breaking' as const, summary: '' }] }],
  ])('file is complete: %j', (faulty) => {
    expect(checkVersion(contract(faulty.version, broken), faulty, undefined)).toHaveLength(1);
  });
});

describe('numbers of versions', () => {
  it('are compared as numbers', () => {
    expect(['1.10.0', '1.9.9', '1.9.10', '10.0.0'].sort(compareVersions)).toEqual([
      '1.9.9',
      '1.9.10',
      '1.10.0',
      '10.0.0',
    ]);
    expect(raise('1.9.9', 'wording')).toBe('1.9.10');
    expect(raise('0.6.0', undefined)).toBe('0.6.0');
  });
});

describe('the last release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'releases-'));
  const url = pathToFileURL(`${folder}/`);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is none, then the highest', () => {
    writeFileSync(join(folder, 'README.md'), '');
    expect(readLastRelease(url)).toBeUndefined();
    for (const version of ['1.9.0', '1.10.0', '1.2.0']) {
      writeFileSync(join(folder, `openapi-${version}.json`), JSON.stringify(contract(version, makeOperation('x'))));
    }
    expect(readLastRelease(url)?.info.version).toBe('1.10.0');
  });
});
