/** Template pictures by the administrator's command line, on the same rows and files as the running server. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { makeFrame, pixelAt } from '../support/media.ts';
import { runProgram } from '../support/process.ts';
import { prefixed } from '../support/server-process.ts';

let installation: Installation;
let folder: string;

beforeAll(async () => {
  installation = await createInstallation();
  folder = installation.environment['HOME'] ?? '';
  await writeFile(join(folder, 'red.png'), await makeFrame('#ff0000'));
  await writeFile(join(folder, 'green.png'), await makeFrame('#00ff00'));
  await writeFile(join(folder, 'page.png'), '<!doctype html><script>alert(1)</script>');
});
afterAll(() => installation.end());

const add = async (file: string, ...options: string[]): Promise<string> => {
  const words = ['template', 'add', 'slot-001', 'overlay_media_id', join(folder, file), ...options];
  return (await installation.admin(words)).split(' ', 1)[0] ?? '';
};

const refused = async (...words: string[]): Promise<string> => {
  const ending = await runProgram('scripts/admin.ts', words, { environment: prefixed(installation.environment) });
  expect(ending.code).toBe(1);
  return ending.stderr;
};

test('a frame that was added frames photos, can be replaced, listed and deleted', async () => {
  const red = await add('red.png', '--label', 'Red frame');
  expect(await installation.admin(['template', 'list'])).toMatch(
    new RegExp(`^${red} +slot-001 +overlay_media_id +image/png +\\d+ +Red frame$`, 'm'),
  );
  await updateSlot(installation.db, 'slot-001', { operationId: 'frame', settings: { overlay_media_id: red } });
  const server = await installation.start();
  expect(await pixelAt((await installation.post(server, 'slot-001')).body, 5, 5)).toEqual([254, 0, 0]);
  expect(await refused('template', 'add', 'slot-001', 'overlay_media_id', join(folder, 'green.png'))).toMatch(
    /has a template already/,
  );
  const green = await add('green.png', '--replace');
  expect(await pixelAt((await installation.post(server, 'slot-001')).body, 5, 5)).toEqual([0, 255, 1]);
  expect(await refused('template', 'delete', green)).toMatch(/slot-001 uses this template/);
  await installation.admin(['template', 'delete', green, '--force']);
  expect(await installation.admin(['template', 'list'])).not.toMatch(/slot-001/);
});

test('what is no picture, or is not there, is refused in words; nothing is left of it', async () => {
  const files = await installation.files();
  expect(await refused('template', 'add', 'slot-001', 'style_media_id', join(folder, 'page.png'))).toMatch(
    /is taken here/,
  );
  expect(await refused('template', 'add', 'slot-099', 'style_media_id', join(folder, 'red.png'))).toMatch(
    /no such slot/,
  );
  expect(await refused('template', 'delete', 'the-red-one')).toMatch(/no such template/);
  expect(await installation.files()).toEqual(files);
});
