import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Listener, type ListenOptions, listen } from '../../src/db/notifications.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

let database: TestDatabase;
let proxy: FaultProxy;
let listener: Listener | undefined;
let heard: string[] = [];
let gaps = 0;
const log = pino({ level: 'silent' });

beforeAll(async () => {
  database = await createTestDatabase({ isEmpty: true });
  proxy = await startFaultProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(database.url).port) });
});
beforeEach(() => {
  heard = [];
  gaps = 0;
});
afterEach(async () => {
  await listener?.stop();
  listener = undefined;
  proxy.resume();
  proxy.accept();
});
afterAll(async () => {
  await proxy.stop();
  await database.drop();
});

function start(options: Partial<ListenOptions> = {}): Listener {
  listener = listen({
    connectionString: database.url,
    channels: ['job_new', 'Job Done'],
    onNotification: (channel, payload) => heard.push(`${channel}:${payload}`),
    onGap: () => {
      gaps++;
    },
    pingIntervalMs: 50,
    pingTimeoutMs: 200,
    backoffMaxMs: 100,
    log,
    ...options,
  });
  return listener;
}

const notify = (channel: string, payload: string) =>
  database.pool.query('select pg_notify($1, $2)', [channel, payload]);
const listeners = async (): Promise<number[]> => {
  const { rows } = await database.pool.query(
    `select pid from pg_stat_activity where application_name = 'photochanger-listen' and datname = current_database()`,
  );
  return rows.map(({ pid }) => pid as number);
};
const becomes = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

describe('database notifications', () => {
  test('arrive from every channel, once everybody has looked for himself', async () => {
    const started = start();
    await started.ready;
    expect(gaps).toBe(1);
    expect(started.isUp()).toBe(true);
    await notify('job_new', 'gemini');
    await notify('Job Done', '42');
    await becomes(() => expect(heard).toEqual(['job_new:gemini', 'Job Done:42']));
  });

  test('arrive again after the server ended the connection, each time with a call to look', async () => {
    await start().ready;
    for (const round of [2, 3]) {
      const [pid] = await listeners();
      await database.pool.query('select pg_terminate_backend($1)', [pid]);
      await becomes(() => expect(gaps).toBe(round));
      await notify('job_new', `round ${round}`);
      await becomes(() => expect(heard).toContain(`job_new:round ${round}`));
    }
  });

  test('arrive again after a silent network, which only the ping can tell', async () => {
    const started = start({ connectionString: proxy.through(database.url) });
    await started.ready;
    proxy.stall();
    await becomes(() => expect(started.isUp()).toBe(false));
    proxy.resume();
    await becomes(() => expect(gaps).toBe(2));
    await notify('job_new', 'after the silence');
    await becomes(() => expect(heard).toEqual(['job_new:after the silence']));
  });

  test('arrive again after a reset and a time of refusal', async () => {
    const started = start({ connectionString: proxy.through(database.url) });
    await started.ready;
    proxy.refuse();
    proxy.cut();
    await becomes(() => expect(started.isUp()).toBe(false));
    expect(gaps).toBe(1);
    proxy.accept();
    await becomes(() => expect(gaps).toBe(2));
    expect(started.isUp()).toBe(true);
  });

  test('wait for a database that is not there yet', async () => {
    proxy.refuse();
    const started = start({ connectionString: proxy.through(database.url) });
    expect(started.isUp()).toBe(false);
    proxy.accept();
    await started.ready;
    expect(gaps).toBe(1);
  });

  test('carry on when a handler throws or rejects', async () => {
    const started = start({
      onGap: () => {
        gaps++;
        throw new Error('a fault of the handler');
      },
      onNotification: (async (_channel: string, payload: string) => {
        heard.push(payload);
        throw new Error('a fault of the handler');
      }) as unknown as ListenOptions['onNotification'],
    });
    await started.ready;
    await notify('job_new', 'first');
    await notify('job_new', 'second');
    await becomes(() => expect(heard).toEqual(['first', 'second']));
  });
});

describe('stopping', () => {
  test('closes the connection; nothing is heard afterwards', async () => {
    const stopped = start();
    await stopped.ready;
    await stopped.stop();
    expect(stopped.isUp()).toBe(false);
    await becomes(async () => expect(await listeners()).toEqual([]));
    await notify('job_new', 'too late');
    expect(heard).toEqual([]);
    await expect(stopped.stop()).resolves.toBeUndefined();
  });

  test('while it connects ends it, and ready says so', async () => {
    proxy.stall();
    const stopped = start({ connectionString: proxy.through(database.url) });
    await proxy.waitForConnections(1);
    await stopped.stop();
    await expect(stopped.ready).rejects.toThrow(/Stopped before/);
    expect(gaps).toBe(0);
  });

  test('while the connection is silent does not wait for an answer', async () => {
    const stopped = start({ connectionString: proxy.through(database.url), pingIntervalMs: 60_000 });
    await stopped.ready;
    proxy.stall();
    await stopped.stop();
    expect(stopped.isUp()).toBe(false);
  });

  test('between two tries leaves no further try', async () => {
    proxy.refuse();
    const warned = vi.fn();
    const stopped = start({
      connectionString: proxy.through(database.url),
      backoffMaxMs: 60_000,
      log: { ...log, warn: warned },
    });
    await becomes(() => expect(warned).toHaveBeenCalled());
    await stopped.stop();
    proxy.accept();
    expect(await listeners()).toEqual([]);
    expect(gaps).toBe(0);
  });
});
