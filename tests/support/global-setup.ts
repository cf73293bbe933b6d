import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateToLatest } from '../../src/db/migrate.ts';
import { startThrowAwayPostgres, type ThrowAwayPostgres } from './postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The run's PostgreSQL, as superuser. Tests make databases of their own on it: see `createTestDatabase`. */
    postgresUrl: string;
  }
}

/** The database every test database is a copy of: migrated to the newest schema, seeded by the migrations, never connected to. */
export const TEMPLATE_DATABASE = 'photochanger_template';

async function makeTemplate(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`create database ${TEMPLATE_DATABASE}`);
    const url = new URL(adminUrl);
    url.pathname = `/${TEMPLATE_DATABASE}`;
    await migrateToLatest(url.href);
    await client.query(`alter database ${TEMPLATE_DATABASE} with is_template true allow_connections false`);
  } finally {
    await client.end();
  }
}

let postgres: ThrowAwayPostgres | undefined;

/** Called by vitest before a suite: one PostgreSQL for all of its files. It ends also when the run is interrupted or killed. */
export async function setup(project: TestProject): Promise<void> {
  postgres = await startThrowAwayPostgres();
  try {
    await makeTemplate(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  project.provide('postgresUrl', postgres.url);
}

/** Called by vitest after the suite. */
export async function teardown(): Promise<void> {
  await postgres?.stop();
}
