import { sql } from 'kysely';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createKysely, createPool, isConnectionFault, QueryTimeoutError, query } from '../../src/db/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

let database: TestDatabase;
let proxy: FaultProxy;
const pools: Pool[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ isEmpty: true });
  const { port } = new URL(database.url);
  proxy = await startFaultProxy({ targetHost: '127.0.0.1', targetPort: Number(port) });
});
afterEach(async () => {
  proxy.resume();
  proxy.accept();
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
});
afterAll(async () => {
  await proxy.stop();
  await database.drop();
});

function openPool(options: { poolSize?: number; statementTimeoutMs?: number; url?: string } = {}): {
  pool: Pool;
  faults: Error[];
} {
  const faults: Error[] = [];
  const pool = createPool({
    connectionString: options.url ?? database.url,
    poolSize: options.poolSize ?? 1,
    applicationName: 'pool-under-test',
    statementTimeoutMs: options.statementTimeoutMs ?? 5_000,
    onError: (error) => faults.push(error),
  });
  pools.push(pool);
  return { pool, faults };
}

const backendOf = async (pool: Pool): Promise<number> =>
  (await pool.query('select pg_backend_pid() as pid')).rows[0].pid;
const terminate = (pid: number) => database.pool.query('select pg_terminate_backend($1)', [pid]);
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a pool', () => {
  test('survives the end of an idle connection, and tells it once', async () => {
    const { pool, faults } = openPool();
    const pid = await backendOf(pool);
    await terminate(pid);
    await vi.waitFor(() => expect(faults).toHaveLength(1));
    expect(isConnectionFault(faults[0])).toBe(true);
    expect(await backendOf(pool)).not.toBe(pid);
  });

  test('survives the end of a connection in use, whose statement fails as a connection fault', async () => {
    const { pool, faults } = openPool();
    const client = await pool.connect();
    const pid = (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
    const failed = rejection(client.query('select pg_sleep(30)'));
    await terminate(pid);
    expect(isConnectionFault(await failed)).toBe(true);
    client.release();
    await vi.waitFor(() => expect(faults).toHaveLength(1));
    expect(await backendOf(pool)).not.toBe(pid);
  });

  test('survives the end of a connection that is held between two statements', async () => {
    const { pool, faults } = openPool();
    const client = await pool.connect();
    const pid = (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
    await terminate(pid);
    await vi.waitFor(() => expect(faults).toHaveLength(1));
    expect(isConnectionFault(await rejection(client.query('select 1')))).toBe(true);
    client.release();
    expect(await backendOf(pool)).not.toBe(pid);
  });

  test('has a statement ended by the server at its limit', async () => {
    const { pool } = openPool({ statementTimeoutMs: 50 });
    const error = await rejection(pool.query('select pg_sleep(30)'));
    expect(error).toMatchObject({ code: '57014' });
    expect(isConnectionFault(error)).toBe(true);
  });

  test('does not hand a connection that never answered to the next, through Kysely either', async () => {
    const { pool } = openPool({ statementTimeoutMs: 50, url: proxy.through(database.url) });
    const db = createKysely(pool);
    await sql`select 1`.execute(db);
    proxy.stall();
    expect(isConnectionFault(await rejection(sql`select 2`.execute(db)))).toBe(true);
    expect(pool.totalCount).toBe(0);
    proxy.resume();
    expect((await sql<{ three: number }>`select 3 as three`.execute(db)).rows).toEqual([{ three: 3 }]);
  });

  test('fails as a connection fault when the database refuses', async () => {
    const { pool } = openPool({ url: proxy.through(database.url) });
    proxy.refuse();
    expect(isConnectionFault(await rejection(pool.query('select 1')))).toBe(true);
    expect(pool.totalCount).toBe(0);
  });
});

describe('values', () => {
  test('int8 is a number', async () => {
    const { rows } = await openPool().pool.query('select count(*) as count, 9007199254740991 as largest');
    expect(rows).toEqual([{ count: 1, largest: Number.MAX_SAFE_INTEGER }]);
  });

  test('int8 that no number holds exactly is an error, and the connection stays usable', async () => {
    const { pool } = openPool();
    await expect(pool.query('select 9007199254740993 as value')).rejects.toThrow(RangeError);
    await expect(pool.query('select 1')).resolves.toBeDefined();
  });

  test('timestamptz is an instant; date and timestamp are text in no time zone', async () => {
    const text = `select '2026-03-01T00:00:00Z'::timestamptz as instant, '2026-03-01'::date as day, '2026-03-01 10:00'::timestamp as wall`;
    const { rows } = await openPool().pool.query(text);
    expect(rows).toEqual([
      { instant: new Date('2026-03-01T00:00:00Z'), day: '2026-03-01', wall: '2026-03-01 10:00:00' },
    ]);
  });
});

describe('a hot statement', () => {
  const statement = { name: 'add', text: 'select $1::int + 1 as sum', values: [1] };

  test('is prepared once per connection', async () => {
    const { pool } = openPool();
    expect(await query(pool, statement, { timeoutMs: 1_000 })).toEqual([{ sum: 2 }]);
    expect(await query(pool, { ...statement, values: [2] }, { timeoutMs: 1_000 })).toEqual([{ sum: 3 }]);
    expect((await pool.query('select name from pg_prepared_statements')).rows).toEqual([{ name: 'add' }]);
  });

  test('that breaks a rule keeps its connection', async () => {
    const { pool } = openPool();
    const pid = await backendOf(pool);
    const error = await rejection(
      query(pool, { name: 'divide', text: 'select 1 / $1::int', values: [0] }, { timeoutMs: 1_000 }),
    );
    expect(error).toMatchObject({ code: '22012' });
    expect(await backendOf(pool)).toBe(pid);
  });

  test('that is not answered in time ends as a connection fault, and its connection is closed', async () => {
    const { pool } = openPool({ url: proxy.through(database.url) });
    await query(pool, statement, { timeoutMs: 1_000 });
    proxy.stall();
    const error = await rejection(query(pool, statement, { timeoutMs: 50 }));
    expect(error).toBeInstanceOf(QueryTimeoutError);
    expect(isConnectionFault(error)).toBe(true);
    expect(pool.totalCount).toBe(0);
    proxy.resume();
    expect(await query(pool, statement, { timeoutMs: 1_000 })).toEqual([{ sum: 2 }]);
  });

  test('that waits too long for a free connection ends, and leaks none', async () => {
    const { pool } = openPool();
    const held = await pool.connect();
    await expect(query(pool, statement, { timeoutMs: 50 })).rejects.toThrow(QueryTimeoutError);
    held.release();
    expect(await query(pool, statement, { timeoutMs: 1_000 })).toEqual([{ sum: 2 }]);
    await vi.waitFor(() => expect(pool.idleCount).toBe(pool.totalCount));
  });
});
