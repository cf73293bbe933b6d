/** Starts that cannot succeed: they say everything that is wrong, and leave nothing running. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { makeHome, ownershipOf, postmasterOf, removeHome } from '../support/home.ts';
import { type Ending, reapPrograms } from '../support/process.ts';
import { launchServer, startBlockOf, startServerProcess } from '../support/server-process.ts';

let home: string;

beforeAll(() => {
  home = makeHome();
});
afterEach(() => reapPrograms());
afterAll(() => removeHome(home));

async function start(environment: Readonly<Record<string, string>>): Promise<Ending> {
  const { program } = await launchServer({ HOME: home, ...environment });
  return program.ended;
}

async function occupy(port: number): Promise<Server> {
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  return squatter;
}

test('every fault of the environment is named at once, and nothing is started or written', async () => {
  const { code, stdout, stderr } = await start({
    PORT: '80800',
    ROLE: 'both',
    T_SYNC_RESPONSE_SECONDS: 'soon',
    JWT_SECRET: 'short-secret',
    GEMINI_BASE_URL: 'ftp://example.org',
    INGEST_PASWORD: 'misspelt-password',
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  for (const name of ['PORT', 'ROLE', 'T_SYNC_RESPONSE_SECONDS', 'JWT_SECRET', 'GEMINI_BASE_URL', 'INGEST_PASWORD'])
    expect(stderr).toMatch(new RegExp(`^ *- PHOTOCHANGER_${name} `, 'm'));
  expect(stderr).toContain('PHOTOCHANGER_INGEST_PASWORD is not a variable of this server');
  expect(stderr).not.toMatch(/short-secret|misspelt-password|\n\s+at /);
  expect(readdirSync(home)).toEqual([]);
});

test('a port that is taken is named, and no server, database or lock remains', async () => {
  const port = await findFreePort();
  const squatter = await occupy(port);
  const { code, signal, stdout, stderr } = await start({ PORT: String(port) });
  squatter.close();
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toMatch(new RegExp(`^PhotoChanger did not start\\.\\n.*\\b${port}\\b`));
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(startBlockOf(stdout)).toBe('');
  expect(postmasterOf(home)).toBeUndefined();
  expect(ownershipOf(home)).toBe('released');
});

test('the ingest password made by a start that failed afterwards is not lost', async () => {
  const { ingest_password: password } = JSON.parse(readFileSync(join(home, 'first-run.json'), 'utf8'));
  const server = await startServerProcess({ HOME: home });
  const form = new FormData();
  form.set('password', password);
  const answer = await fetch(`${server.url}/ingest/slot-001`, { method: 'POST', body: form });
  // not 401: the password is right, only the photo is missing
  expect(answer.status).toBe(400);
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
});

test('a database that cannot be reached is reported without its password', async () => {
  const port = await findFreePort();
  const { code, stdout, stderr } = await start({
    DATABASE_URL: `postgres://studio:secret-of-database@127.0.0.1:${port}/studio`,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^PhotoChanger did not start\.$/m);
  expect(stderr).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}`));
  expect(stdout + stderr).not.toContain('secret-of-database');
});

test('a media folder that cannot be written is named, and the database is stopped again', async () => {
  const { code, stderr } = await start({ MEDIA_ROOT: join(home, 'first-run.json', 'media') });
  expect(code).toBe(1);
  expect(stderr).toContain(join(home, 'first-run.json', 'media'));
  expect(postmasterOf(home)).toBeUndefined();
  expect(existsSync(join(home, 'postgres', 'data', 'postmaster.pid'))).toBe(false);
  expect(ownershipOf(home)).toBe('released');
});
