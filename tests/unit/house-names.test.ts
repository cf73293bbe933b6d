import { describe, expect, it } from 'vitest';
import { checkSource } from '../../scripts/check-house/check-source.ts';

const messages = (path: string, text = ''): string[] => checkSource(path, text).map((finding) => finding.message);
const documented = (statement: string): string[] =>
  messages('src/media/room.ts', `/** Says what it is. */\n${statement}`);

describe('the name of a file', () => {
  it.each([
    'src/services/job/create-job.ts',
    'handlers/ingestPhoto.ts',
    'tests/unit/house-names.test.ts',
    'src/main.ts',
  ])('may be %s', (path) => {
    expect(messages(path)).toEqual([]);
  });

  it.each(['src/services/createJob.ts', 'src/media/disk_store.ts', 'src/media/Disk.ts'])(
    'is kebab-case, unlike %s',
    (path) => {
      expect(messages(path)).toEqual(['file name is not kebab-case']);
    },
  );

  it('is kebab-case in every folder above it', () => {
    expect(messages('src/mediaStore/disk.ts')).toEqual(["folder 'mediaStore' is not kebab-case"]);
  });

  it('is an operationId for a handler', () => {
    expect(messages('handlers/ingest-photo.ts')).toEqual(['file name is not an operationId']);
  });

  it.each(['utils', 'helpers', 'common', 'manager', 'data', 'info'])('is never about "%s"', (word) => {
    const message = `'${word}' in a path says nothing; name what is inside`;
    expect(messages(`src/media/${word}.ts`)).toEqual([message]);
    expect(messages(`src/${word}/disk.ts`)).toEqual([message]);
    expect(messages(`src/media/image-${word}.ts`)).toEqual([message]);
  });
});

describe('an exported name', () => {
  it.each([
    ['export const imageUtils = 1;', 'utils'],
    ['export function commonHeaders() {}', 'common'],
    ['export class ProviderManager {}', 'manager'],
    ['export interface SlotData {}', 'data'],
    ['export type JobInfo = 1;', 'info'],
    ['const room = 1;\nexport { room as info };', 'info'],
  ])('says what it is: %s', (statement, word) => {
    expect(documented(statement)).toEqual([expect.stringContaining(`'${word}' in the exported name`)]);
  });

  it.each([
    'export const dataDirectory = 1;',
    'export const metadata = 1;',
    'const helpers = 1;',
    'export const informed = 1;',
  ])('may contain such a word as part of a term: %s', (statement) => {
    expect(documented(statement)).toEqual([]);
  });
});
