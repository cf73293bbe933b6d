/** Trying a slot by the administrator's command line; the running server does the work. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findSlot } from '../../src/repositories/slots.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { type Ending, runProgram } from '../support/process.ts';
import { prefixed } from '../support/server-process.ts';

let installation: Installation;
let folder: string;
let photo: string;

beforeAll(async () => {
  installation = await createInstallation();
  folder = installation.environment['HOME'] ?? '';
  photo = join(folder, 'photo.jpg');
  await writeFile(photo, installation.photo);
  await installation.start();
});
afterAll(() => installation.end());

const slotTry = (...words: string[]): Promise<Ending> =>
  runProgram('scripts/admin.ts', ['slot', 'try', ...words], { environment: prefixed(installation.environment) });

test('settings that are not saved make a picture in a file; the slot stays as it is', async () => {
  const before = await findSlot(installation.db, 'slot-009');
  const settings = join(folder, 'settings.json');
  await writeFile(settings, JSON.stringify({ prompt: 'Paint {{survey1}}.' }));
  const out = join(folder, 'picture.jpg');
  const options = [
    '--provider',
    'gemini',
    '--operation',
    'image_edit',
    '--settings',
    settings,
    '--metadata',
    'survey1=Ada',
  ];
  const { code, stdout } = await slotTry('slot-009', photo, ...options, '--out', out);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'succeeded', made_by: 'gemini', written_to: out });
  expect(installation.gemini.requests.at(-1)?.prompt).toBe('Paint Ada.');
  expect(await readFile(out)).toEqual(installation.picture);
  expect(await findSlot(installation.db, 'slot-009')).toEqual(before);
  const files = await installation.files();
  expect(files.filter((path) => !path.startsWith('results/'))).toEqual([]);
});

test.each([
  [['slot-016', 'photo'], 1, 'There is no such slot.'],
  [['slot-001'], 2, 'The photo is missing.'],
  [['slot-001', 'photo', '--settings', '/nowhere.json'], 2, '/nowhere.json cannot be read (ENOENT).'],
  [['slot-001', 'photo', '--metadata', 'survey1'], 2, '--metadata takes key=value'],
  [
    ['slot-001', 'photo', '--settings', '{"effect":"none of them"}'],
    1,
    '/body/settings/settings_json/effect must be one of',
  ],
])('%j is told what is wrong', async (words, code, message) => {
  const given = words.map((word) => (word === 'photo' ? photo : word));
  expect(await slotTry(...given)).toMatchObject({ code, stderr: expect.stringContaining(message) });
});
