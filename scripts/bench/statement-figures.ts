/** What a database is asked, as PostgreSQL itself counts it (extension pg_stat_statements, top-level statements). */
import { sql } from 'kysely';
import type { Db } from '../../src/db/db.ts';

export interface StatementFigures {
  readonly calls: number;
  /** Time spent executing, over all of them. */
  readonly timeMs: number;
  readonly statements: readonly { readonly text: string; readonly calls: number; readonly meanMs: number }[];
}

/** Makes the server load the extension at its next start. */
export async function orderStatementCounting(db: Db): Promise<void> {
  await sql`alter system set shared_preload_libraries = 'pg_stat_statements'`.execute(db.kysely);
}

/** Counts from zero. */
export async function beginCounting(db: Db): Promise<void> {
  await sql`create extension if not exists pg_stat_statements`.execute(db.kysely);
  await sql`select pg_stat_statements_reset()`.execute(db.kysely);
}

/** What was asked since; the counting's own statements do not count. */
export async function readCounting(db: Db): Promise<StatementFigures> {
  const { rows } = await sql<{ text: string; calls: number; time_ms: number }>`
    select left(query, 80) as text, calls::float8 as calls, total_exec_time as time_ms from pg_stat_statements
    where toplevel and dbid = (select oid from pg_database where datname = current_database())
      and query not like '%pg_stat_statements%'
    order by calls desc`.execute(db.kysely);
  return {
    calls: rows.reduce((total, row) => total + row.calls, 0),
    timeMs: rows.reduce((total, row) => total + row.time_ms, 0),
    statements: rows.map((row) => ({ text: row.text, calls: row.calls, meanMs: row.time_ms / row.calls })),
  };
}
