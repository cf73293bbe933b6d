/** Several processes on one home, and what becomes of its database when they end one after the other, or are killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { currentOwner } from '../../src/db/embedded/owner-lock.ts';
import { isAlive } from '../../src/db/embedded/process-identity.ts';

const PROCESS = join(import.meta.dirname, 'embedded-owner-process.ts');
const TAKEOVER = 'Took over the embedded PostgreSQL, whose owner is gone';
const LIMIT = { timeout: 15_000, interval: 10 };

interface Message {
  readonly url?: string;
  readonly owner?: boolean;
  readonly logged?: string;
  readonly error?: string;
}

/** Another process on the home. */
interface Other {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
  readonly owner: boolean;
  readonly logged: () => readonly string[];
}

let home: string;
const others: Other[] = [];
const opened: EmbeddedPostgres[] = [];
const clients: Client[] = [];
const logged: string[] = [];
const log = pino({ level: 'info' }, { write: (line) => void logged.push(JSON.parse(line).msg) });

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'photochanger-takeover-'));
  chmodSync(home, 0o755);
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await Promise.all(others.splice(0).map(kill));
  for (const embedded of opened.splice(0)) await embedded.stop();
  await (await openEmbeddedPostgres({ home, log })).stop();
  logged.length = 0;
  expect(attachedFiles()).toEqual([]);
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

async function openHere(): Promise<EmbeddedPostgres> {
  const embedded = await openEmbeddedPostgres({ home, log });
  opened.push(embedded);
  return embedded;
}

async function openElsewhere(): Promise<Other> {
  const child = fork(PROCESS, [home], { stdio: 'inherit' });
  const lines: string[] = [];
  const { url, owner, error } = await new Promise<Message>((resolve) => {
    child.on('message', (message: Message) => {
      if (message.logged === undefined) resolve(message);
      else lines.push(message.logged);
    });
  });
  if (url === undefined || owner === undefined) throw new Error(error);
  const other = { child, pid: child.pid as number, url, owner, logged: () => lines };
  others.push(other);
  return other;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

async function kill({ child }: Other): Promise<void> {
  if (hasEnded(child)) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function stop({ child }: Other): Promise<void> {
  const ended = once(child, 'exit');
  child.send('stop');
  expect(await ended).toEqual([0, null]);
}

const stateDirectory = (): string => join(home, 'postgres');
const attachedFiles = (): string[] => readdirSync(stateDirectory()).filter((name) => name.startsWith('attached.'));
const postmasterPid = (): number =>
  Number(readFileSync(join(stateDirectory(), 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
const killPostmaster = (): void => {
  process.kill(postmasterPid(), 'SIGKILL');
};

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  clients.push(client);
  return client;
}

/** From here on nothing is noticed in this process before `vi.waitFor`, which moves the stopped timers on. */
const stopTheWatch = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
};

const becomesOwner = (embedded: EmbeddedPostgres): Promise<void> =>
  vi.waitFor(() => expect(embedded.owner).toBe(true), LIMIT);
const tookOver = (other: Other): boolean => other.logged().includes(TAKEOVER);

test('an owner that stops leaves the server to an attached process, without a break, and that one ends it', async () => {
  const owner = await openElsewhere();
  const attached = await openHere();
  expect([owner.owner, attached.owner]).toEqual([true, false]);
  const client = await connect(attached.url);
  const postmaster = postmasterPid();
  await stop(owner);
  await becomesOwner(attached);
  expect(logged.filter((line) => line === TAKEOVER)).toHaveLength(1);
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  expect(currentOwner(stateDirectory())).toMatchObject({ pid: process.pid, state: 'ready' });
  expect(attachedFiles()).toEqual([]);
  await Promise.all([attached.stop(), attached.stop()]);
  expect(isAlive(postmaster)).toBe(false);
});

test('the server of a killed owner is taken over without a break, and watched from then on', async () => {
  const owner = await openElsewhere();
  const attached = await openHere();
  const client = await connect(attached.url);
  await kill(owner);
  await becomesOwner(attached);
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  killPostmaster();
  await vi.waitFor(() => connect(attached.url), LIMIT);
  const postmaster = postmasterPid();
  await attached.stop();
  expect(isAlive(postmaster)).toBe(false);
});

test('a server that is killed together with its owner comes back on its port', async () => {
  const owner = await openElsewhere();
  const attached = await openHere();
  killPostmaster();
  await kill(owner);
  await vi.waitFor(() => connect(owner.url), LIMIT);
  await becomesOwner(attached);
});

test('of two attached processes one takes over, and the other one follows it', async () => {
  const owner = await openElsewhere();
  const heirs = await Promise.all([openElsewhere(), openElsewhere()]);
  const postmaster = postmasterPid();
  await kill(owner);
  await vi.waitFor(() => expect(heirs.some(tookOver)).toBe(true), LIMIT);
  const [first, second] = tookOver(heirs[0]) ? heirs : heirs.toReversed();
  expect(currentOwner(stateDirectory())?.pid).toBe(first?.pid);
  await stop(first as Other);
  await vi.waitFor(() => expect(tookOver(second as Other)).toBe(true), LIMIT);
  expect(heirs.map((heir) => heir.logged().filter((line) => line === TAKEOVER).length)).toEqual([1, 1]);
  expect(postmasterPid()).toBe(postmaster);
  await stop(second as Other);
  expect(isAlive(postmaster)).toBe(false);
});

test('a process that leaves before it noticed that the owner is gone ends the server, if it is the last', async () => {
  const owner = await openElsewhere();
  stopTheWatch();
  const [last, first] = [await openHere(), await openHere()];
  const postmaster = postmasterPid();
  await kill(owner);
  await first.stop();
  expect(isAlive(postmaster)).toBe(true);
  await last.stop();
  expect(isAlive(postmaster)).toBe(false);
  expect(logged).not.toContain(TAKEOVER);
});

test('nobody is left behind when the owner and an attached process end at the same moment', async () => {
  for (let round = 0; round < 3; round++) {
    const owner = await openElsewhere();
    const attached = await openHere();
    const postmaster = postmasterPid();
    await Promise.all([stop(owner), attached.stop()]);
    expect(isAlive(postmaster)).toBe(false);
    expect(currentOwner(stateDirectory())).toBeUndefined();
    expect(attachedFiles()).toEqual([]);
  }
});

test('an attached process that was killed is not waited for', async () => {
  const owner = await openHere();
  const attached = await openElsewhere();
  expect(attachedFiles()).toHaveLength(1);
  await kill(attached);
  const postmaster = postmasterPid();
  await owner.stop();
  expect(isAlive(postmaster)).toBe(false);
});

test('a stop waits for the takeover under way and ends the server it brought up', async () => {
  const owner = await openElsewhere();
  const attached = await openHere();
  killPostmaster();
  await kill(owner);
  await vi.waitFor(() => expect(currentOwner(stateDirectory())?.pid).toBe(process.pid), LIMIT);
  await attached.stop();
  expect(logged.filter((line) => line === TAKEOVER)).toHaveLength(1);
  expect(() => postmasterPid()).toThrow('ENOENT');
  expect(currentOwner(stateDirectory())).toBeUndefined();
});

test('a takeover makes no empty database where the data are missing, and succeeds once they are back', async () => {
  const owner = await openElsewhere();
  const attached = await openHere();
  killPostmaster();
  await kill(owner);
  const directory = join(stateDirectory(), 'data');
  renameSync(directory, `${directory}.away`);
  const failure = 'The embedded PostgreSQL could not be taken over; still trying';
  await vi.waitFor(() => expect(logged).toContain(failure), LIMIT);
  expect(existsSync(directory)).toBe(false);
  renameSync(`${directory}.away`, directory);
  await becomesOwner(attached);
});

test('a process whose port is taken says once that the database moved, and takes nothing over', async () => {
  const owner = await openElsewhere();
  stopTheWatch();
  const attached = await openHere();
  const postmaster = postmasterPid();
  killPostmaster();
  await kill(owner);
  while (isAlive(postmaster)) await new Promise(setImmediate);
  const port = Number(new URL(attached.url).port);
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  try {
    const next = await openElsewhere();
    const moved = 'The embedded database moved to another port with its new owner: start this process again';
    await vi.waitFor(() => expect(logged).toContain(moved), LIMIT);
    expect(next.url).not.toBe(attached.url);
    expect(attachedFiles()).toEqual([]);
    await stop(next);
    expect(attached.owner).toBe(false);
  } finally {
    squatter.close();
  }
});
