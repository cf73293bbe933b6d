/** An operator's first minutes: an empty folder, one command, one photo. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { databasePasswordOf, makeHome, ownershipOf, postmasterOf, removeHome } from '../support/home.ts';
import { makePhoto } from '../support/images.ts';
import { reapPrograms } from '../support/process.ts';
import { type ServerProcess, startBlockOf, startServerProcess } from '../support/server-process.ts';
import { signInAs } from '../support/sign-in.ts';

const run = promisify(execFile);

let home: string;
let photo: Buffer;
/** What the first start told. */
let password: string;

beforeAll(async () => {
  home = makeHome();
  photo = await makePhoto({ widthPx: 640, heightPx: 480 });
});
afterEach(() => reapPrograms());
afterAll(() => removeHome(home));

const start = (environment: Readonly<Record<string, string>> = {}): Promise<ServerProcess> =>
  startServerProcess({ HOME: home, ...environment });

async function stop(server: ServerProcess): Promise<void> {
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(postmasterOf(home)).toBeUndefined();
  expect(ownershipOf(home)).toBe('released');
}

/** The printed command as a shell's words; the placeholder of later starts is filled in. */
const printedCommand = (block: string): string[] =>
  (/curl [\s\S]*?\/ingest\/slot-\d{3}/.exec(block)?.[0] ?? '').replaceAll('\\\n', ' ').trim().split(/\s+/);

/** Does what the printed command says, by curl where there is one. @returns the bytes it would write. */
async function follow(words: readonly string[], photoPath: string): Promise<Buffer> {
  const [program = '', ...args] = words;
  try {
    await run(program, args, { cwd: join(photoPath, '..') });
    return readFileSync(join(photoPath, '..', args[args.indexOf('-o') + 1] as string));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const form = new FormData();
  for (const [at, word] of args.entries()) {
    const [name = '', value = ''] = (args[at + 1] ?? '').split('=');
    if (word === '-F') form.set(name, value.startsWith('@') ? new Blob([readFileSync(photoPath)]) : value);
  }
  const answer = await fetch(args.at(-1) as string, { method: 'POST', body: form });
  return Buffer.from(await answer.arrayBuffer());
}

async function post(server: ServerProcess, ingestPassword: string): Promise<Response> {
  const form = new FormData();
  form.set('password', ingestPassword);
  form.set('fileToUpload', new Blob([photo], { type: 'image/jpeg' }), 'IMG_0001.JPG');
  return fetch(`${server.url}/ingest/slot-001`, { method: 'POST', body: form });
}

test('the first start in an empty folder makes everything, tells it in one block, and its printed command brings a picture', async () => {
  const server = await start();
  const block = startBlockOf(server.output().stdout);
  expect(block).toMatch(/^PhotoChanger listens on http:\/\/127\.0\.0\.1:\d+$/m);
  password = /ingest password +(\S+)/.exec(block)?.[1] ?? '';
  expect(password).toMatch(/^\w{4}(?:-\w{4}){3}$/);
  const file = join(home, 'first-run.json');
  const administratorPassword = /administrator +admin +password +(\S+)/.exec(block)?.[1] ?? '';
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    ingest_password: password,
    administrator: 'admin',
    administrator_password: administratorPassword,
    made_at: expect.any(String),
  });
  expect((await signInAs(server, 'admin', administratorPassword)).status).toBe(200);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(postmasterOf(home)).toBeGreaterThan(0);
  expect(await server.untilLogged('Embedded PostgreSQL is ready')).toMatchObject({ origin: 'initialised' });

  const photoPath = join(home, 'photo.jpg');
  writeFileSync(photoPath, photo);
  const picture = await follow(printedCommand(block), photoPath);
  expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 480 });
  expect(picture.equals(photo)).toBe(false);
  const contract = await fetch(/contract +(\S+)/.exec(block)?.[1] ?? '');
  expect(await contract.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) });
  await stop(server);
});

test('the second start shows no password and keeps what was set', async () => {
  const written = readFileSync(join(home, 'first-run.json'), 'utf8');
  const server = await start();
  const { stdout } = server.output();
  expect(startBlockOf(stdout)).toContain(`PhotoChanger listens on ${server.url}`);
  expect(startBlockOf(stdout)).not.toMatch(/ingest password {2}|administrator {2}/);
  expect(stdout).not.toContain(password);
  expect(readFileSync(join(home, 'first-run.json'), 'utf8')).toBe(written);
  expect(await server.untilLogged('Embedded PostgreSQL is ready')).toMatchObject({ origin: 'started' });
  expect((await post(server, password)).status).toBe(200);
  await stop(server);
});

test('a password in the environment is ignored once one is set, and the start says so', async () => {
  const server = await start({ INGEST_PASSWORD: 'another-password', ADMIN_PASSWORD: 'another-long-password' });
  const { stdout } = server.output();
  expect(startBlockOf(stdout)).toContain('PHOTOCHANGER_INGEST_PASSWORD is ignored');
  expect(startBlockOf(stdout)).toContain('PHOTOCHANGER_ADMIN_PASSWORD is ignored');
  expect(stdout).not.toContain('another-password');
  expect((await signInAs(server, 'admin', 'another-long-password')).status).toBe(401);
  expect((await post(server, 'another-password')).status).toBe(401);
  expect((await post(server, password)).status).toBe(200);
  await stop(server);
  expect(server.output().stdout).not.toContain(databasePasswordOf(home));
});
