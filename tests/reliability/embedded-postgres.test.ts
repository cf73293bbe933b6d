import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type EmbeddedFacts,
  type EmbeddedOptions,
  type EmbeddedPostgres,
  openEmbeddedPostgres,
} from '../../src/db/embedded/embedded-postgres.ts';
import { isAlive } from '../../src/db/embedded/process-identity.ts';

interface Answer {
  readonly owner: boolean;
  readonly facts: EmbeddedFacts;
  readonly url: string;
}

const log = pino({ level: 'silent' });
const PROCESS = join(import.meta.dirname, 'embedded-owner-process.ts');
let home: string;
const children: ChildProcess[] = [];
const opened: EmbeddedPostgres[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'photochanger-embedded-'));
  chmodSync(home, 0o755);
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
  for (const embedded of opened.splice(0)) await embedded.stop();
  const left = await openEmbeddedPostgres({ home, log });
  await left.stop();
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

async function open(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const embedded = await openEmbeddedPostgres({ home, log, ...options });
  opened.push(embedded);
  return embedded;
}

async function openElsewhere(): Promise<{ child: ChildProcess; answer: Answer }> {
  const child = fork(PROCESS, [home], { stdio: 'inherit' });
  children.push(child);
  const answer = await new Promise<Answer & { error?: string }>((resolve) => {
    child.on('message', (message: Answer & { logged?: string }) => {
      if (message.logged === undefined) resolve(message);
    });
  });
  expect(answer.error).toBeUndefined();
  return { child, answer };
}

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};

const dataDirectory = (): string => join(home, 'postgres', 'data');
const postmasterPid = (): number =>
  Number(readFileSync(join(dataDirectory(), 'postmaster.pid'), 'utf8').split('\n')[0]);
const setting = async (url: string, name: string): Promise<string> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(`select current_setting($1) as value`, [name]);
  await client.end();
  return rows[0].value;
};

describe('the embedded database', () => {
  test('is made at the first start, started at the next on the same port, and gone after each stop', async () => {
    const first = await open();
    expect(first).toMatchObject({ owner: true, facts: { origin: 'initialised' } });
    const pid = postmasterPid();
    await Promise.all([first.stop(), first.stop()]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(dataDirectory(), 'postmaster.pid'))).toBe(false);
    const second = await open();
    expect(second).toMatchObject({ owner: true, facts: { origin: 'started', port: first.facts.port } });
    expect(second.url).toBe(first.url);
  });

  test('is durable, speaks UTF-8, listens on the loopback only, and keeps its password to itself', async () => {
    const { url } = await open();
    const wanted = {
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      server_encoding: 'UTF8',
      jit: 'off',
    };
    for (const [name, value] of Object.entries(wanted)) expect(await setting(url, name), name).toBe(value);
    expect(await setting(url, 'listen_addresses')).toBe('127.0.0.1');
    expect(await setting(url, 'unix_socket_directories')).toBe('');
    expect(Number(new URL(url).port)).toBeLessThan(32_768);
    expect(statSync(join(home, 'postgres', 'password')).mode & 0o777).toBe(0o600);
    const guess = new URL(url);
    guess.password = 'guess';
    await expect(setting(guess.href, 'fsync')).rejects.toMatchObject({ code: '28P01' });
  });

  test('takes another port when the remembered one is used meanwhile', async () => {
    const first = await open();
    await first.stop();
    const squatter = createServer().listen(first.facts.port, '127.0.0.1');
    await once(squatter, 'listening');
    const second = await open();
    squatter.close();
    expect(second.facts.port).not.toBe(first.facts.port);
  });

  test('says so when the port it was told to use is taken, and leaves nothing behind', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    await expect(open({ port })).rejects.toMatchObject({
      reason: 'port_in_use',
      message: expect.stringContaining(String(port)),
    });
    squatter.close();
    expect(existsSync(join(dataDirectory(), 'postmaster.pid'))).toBe(false);
    expect((await open()).facts.origin).toBe('started');
  });

  test('refuses the data of another major version', async () => {
    const path = join(dataDirectory(), 'PG_VERSION');
    const version = readFileSync(path, 'utf8');
    writeFileSync(path, '16\n');
    await expect(open()).rejects.toMatchObject({
      reason: 'other_major_version',
      message: expect.stringContaining('PostgreSQL 16'),
    });
    writeFileSync(path, version);
  });

  test('starts over a pid file whose process is another program by now', async () => {
    const { facts } = await open();
    const text = readFileSync(join(dataDirectory(), 'postmaster.pid'), 'utf8');
    await opened.pop()?.stop();
    writeFileSync(join(dataDirectory(), 'postmaster.pid'), text.replace(/^\d+/, String(process.pid)));
    expect((await open()).facts).toMatchObject({ origin: 'started', port: facts.port });
  });

  test('is started again on its port when its postmaster is killed', async () => {
    const { url } = await open();
    const pid = postmasterPid();
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => setting(url, 'fsync'), { timeout: 15_000, interval: 50 });
    expect(postmasterPid()).not.toBe(pid);
  });
});

describe('of several processes on one home', () => {
  test('the second attaches, and its stop leaves the server running', async () => {
    const { answer } = await openElsewhere();
    const attached = await open();
    expect(attached).toMatchObject({ owner: false, url: answer.url, facts: { origin: 'attached' } });
    await attached.stop();
    expect(await setting(answer.url, 'fsync')).toBe('on');
  });

  test('four that start at the same moment have one owner and one server', async () => {
    const answers = (await Promise.all(Array.from({ length: 4 }, openElsewhere))).map(({ answer }) => answer);
    expect(answers.filter(({ owner }) => owner)).toHaveLength(1);
    expect(new Set(answers.map(({ url }) => url)).size).toBe(1);
  });

  test('the next one adopts the server of a killed owner, keeps its connections, and stops it in the end', async () => {
    const { child, answer } = await openElsewhere();
    const client = new Client({ connectionString: answer.url });
    client.on('error', () => {});
    await client.connect();
    const pid = postmasterPid();
    await kill(child);
    expect(isAlive(pid)).toBe(true);
    const adopted = await open();
    expect(adopted).toMatchObject({ owner: true, url: answer.url, facts: { origin: 'adopted' } });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await adopted.stop();
    expect(isAlive(pid)).toBe(false);
  });

  test('one owner comes out of four that find the last one killed', async () => {
    const { child } = await openElsewhere();
    await kill(child);
    const answers = (await Promise.all(Array.from({ length: 4 }, openElsewhere))).map(({ answer }) => answer);
    expect(answers.map(({ facts }) => facts.origin).sort()).toEqual(['adopted', 'attached', 'attached', 'attached']);
  });

  test('an owner that is killed together with its server is followed by one that starts it', async () => {
    const { child, answer } = await openElsewhere();
    process.kill(postmasterPid(), 'SIGKILL');
    await kill(child);
    expect((await open()).facts).toMatchObject({ origin: 'started', port: answer.facts.port });
  });

  test('the owner’s stop leaves one released record and no process', async () => {
    const { child, answer } = await openElsewhere();
    const pid = postmasterPid();
    child.send('stop');
    await once(child, 'exit');
    expect(isAlive(pid)).toBe(false);
    await expect(setting(answer.url, 'fsync')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const records = readdirSync(join(home, 'postgres')).filter((name) => name.startsWith('owner.'));
    expect(records).toHaveLength(1);
    expect(readFileSync(join(home, 'postgres', records[0] as string), 'utf8')).toContain('"released"');
  });

  test('Ctrl-C in the terminal does not reach the server', async () => {
    const { answer } = await openElsewhere();
    const pid = postmasterPid();
    if (process.platform === 'linux') {
      const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
      expect(Number(session)).toBe(pid);
    }
    expect(await setting(answer.url, 'fsync')).toBe('on');
  });
});
