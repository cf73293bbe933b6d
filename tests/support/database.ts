import { randomUUID } from 'node:crypto';
import { Client, type Pool } from 'pg';
import { inject } from 'vitest';
import { createPool } from '../../src/db/pool.ts';
import { TEMPLATE_DATABASE } from './global-setup.ts';

/** A database of one test file's own. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
  /** Ends the pool and drops the database, whoever else is still connected. */
  drop(): Promise<void>;
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/**
 * A fresh copy of the migrated template (35 ms), or an empty database. To be dropped in `afterAll`.
 *
 * `statementTimeoutMs` bounds the pool's statements; default 10 s.
 */
export async function createTestDatabase(
  options: { isEmpty?: boolean; poolSize?: number; statementTimeoutMs?: number } = {},
): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const template = options.isEmpty === true ? 'template0' : TEMPLATE_DATABASE;
  await asAdmin(`create database ${name} template ${template} strategy file_copy`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  const pool = createPool({
    connectionString: url.href,
    poolSize: options.poolSize ?? 10,
    applicationName: 'test',
    statementTimeoutMs: options.statementTimeoutMs ?? 10_000,
    onError: () => {},
  });
  return {
    url: url.href,
    pool,
    drop: async () => {
      if (!pool.ending) await pool.end();
      await asAdmin(`drop database if exists ${name} with (force)`);
    },
  };
}
