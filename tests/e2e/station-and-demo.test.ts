/** The programs that show what the server does: the station for the command line, and the demo. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeHome, ownershipOf, postmasterOf, removeHome } from '../support/home.ts';
import { createInstallation, filesBelow, INGEST_PASSWORD, type Installation } from '../support/installation.ts';
import { reapPrograms, runProgram } from '../support/process.ts';

let installation: Installation;
let home: string;

beforeAll(async () => {
  installation = await createInstallation();
  home = makeHome();
});
afterEach(() => reapPrograms());
afterAll(async () => {
  await removeHome(join(home, 'var', 'demo'));
  await removeHome(home);
  await installation.end();
});

test('the station sends a photo, writes the picture, and says how it went; without a picture it writes nothing', async () => {
  const server = await installation.start();
  const photoPath = join(home, 'photo.jpg');
  writeFileSync(photoPath, installation.photo);
  const output = join(home, 'processed.jpg');
  const send = (password: string, slotId: string, into: string) =>
    runProgram('scripts/station.ts', [`${server.url}/ingest/${slotId}`, photoPath, '-p', password, '-o', into]);

  const good = await send(INGEST_PASSWORD, 'slot-001', output);
  expect(good).toMatchObject({ code: 0, stderr: '' });
  expect(good.stdout).toMatch(/^200 image\/jpeg, \d+ bytes for \d+ sent$/m);
  expect(good.stdout).toMatch(/^job [0-9a-f-]{36}, request \S+$/m);
  expect(await sharp(readFileSync(output)).metadata()).toMatchObject({ format: 'jpeg', width: 320, height: 240 });

  const wrong = await send('wrong-password', 'slot-001', join(home, 'nothing.jpg'));
  expect(wrong).toMatchObject({ code: 1, stdout: expect.stringMatching(/^401 [\s\S]*invalid_credentials/) });
  expect(existsSync(join(home, 'nothing.jpg'))).toBe(false);
});

test('the demo shows a picture at once, a picture after a second attempt and a 504, and leaves nothing running', async () => {
  const { code, stdout, stderr } = await runProgram('scripts/demo.ts', [], { cwd: home });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const rows = stdout.split('\n').flatMap((line) => (/^slot-\d{3} {2}/.test(line) ? [line.split(/ {2,}/)] : []));
  const [head = []] = stdout.split('\n').flatMap((line) => (/^slot {2}/.test(line) ? [line.split(/ {2,}/)] : []));
  const shown = rows.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at]])));
  expect(shown).toMatchObject([
    { slot: 'slot-001', provider: 'studio', attempts: '1', status: '200' },
    { slot: 'slot-002', provider: 'gemini', attempts: '2', status: '200' },
    { slot: 'slot-003', provider: 'gemini', attempts: '1', status: '504', file: '–', 'public link': '–' },
  ]);
  const demo = join(home, 'var', 'demo');
  for (const number of [1, 2])
    expect(await sharp(readFileSync(join(demo, `${number}-processed.jpg`))).metadata()).toMatchObject({
      format: 'jpeg',
    });
  expect(existsSync(join(demo, '3-processed.jpg'))).toBe(false);
  expect((await filesBelow(join(demo, 'media'))).filter((file) => file.startsWith('payloads/'))).toEqual([]);
  expect(postmasterOf(demo)).toBeUndefined();
  expect(ownershipOf(demo)).toBe('released');
});
