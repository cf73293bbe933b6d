import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MigrationError, migrateToLatest, SchemaTooNewError, schemaVersion } from '../../src/db/migrate.ts';
import { migrations as ownMigrations } from '../../src/db/migrations/index.ts';
import { createKysely } from '../../src/db/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const step = (statement: string): Migration => ({ up: async (db) => void (await sql.raw(statement).execute(db)) });
const first = { '0001-first': step('create table first_table (id int)') };
const both = { ...first, '0002-second': step('create table second_table (id int)') };

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase({ isEmpty: true });
});
afterEach(() => database.drop());

const tables = async (): Promise<string[]> => {
  const { rows } = await database.pool.query(
    `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  );
  return rows.map(({ name }) => name as string).filter((name) => !name.startsWith('kysely_'));
};

describe('migrations', () => {
  test('bring an empty database to this build’s schema, and find nothing to do the second time', async () => {
    expect(await migrateToLatest(database.url)).toEqual(Object.keys(ownMigrations).sort());
    expect(await migrateToLatest(database.url)).toEqual([]);
    expect(await schemaVersion(createKysely(database.pool))).toBe(Object.keys(ownMigrations).sort().at(-1));
  });

  test('apply only what is new', async () => {
    expect(await migrateToLatest(database.pool, first)).toEqual(['0001-first']);
    expect(await migrateToLatest(database.pool, both)).toEqual(['0002-second']);
    expect(await tables()).toEqual(['first_table', 'second_table']);
  });

  test('of eight processes at once are applied by one, and the others find nothing to do', async () => {
    const applied = await Promise.all(Array.from({ length: 8 }, () => migrateToLatest(database.url, both)));
    expect(applied.flat().sort()).toEqual(['0001-first', '0002-second']);
  });

  test('are all or nothing, and the error carries the database’s own', async () => {
    const broken = { ...first, '0002-broken': step('create table nonsense (id no_such_type)') };
    const error = await migrateToLatest(database.pool, broken).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({ message: expect.stringContaining('0002-broken'), cause: { code: '42704' } });
    expect(await tables()).toEqual([]);
    expect(await schemaVersion(createKysely(database.pool))).toBeUndefined();
  });

  test('of an older build are refused by the newer schema, which stays as it is', async () => {
    await migrateToLatest(database.pool, both);
    const error = await migrateToLatest(database.pool, first).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SchemaTooNewError);
    expect(error).toMatchObject({ unknownMigrations: ['0002-second'] });
    expect(await tables()).toEqual(['first_table', 'second_table']);
  });

  test('fail with the connection’s error when there is no database', async () => {
    await expect(migrateToLatest('postgres://test:test@127.0.0.1:1/none', first)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});

test('a database that was never migrated has no schema version', async () => {
  expect(await schemaVersion(createKysely(database.pool))).toBeUndefined();
});
