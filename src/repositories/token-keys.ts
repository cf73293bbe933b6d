/** The ids of the keys that sign access tokens. One signs; retired ones only verify, and only as long as a token can live. */
import { sql } from 'kysely';
import type { Step } from './transaction.ts';

/** A key by its id. */
export interface TokenKeyRecord {
  readonly kid: string;
  readonly createdAt: Date;
  /** Null for the one that signs. */
  readonly retiredAt: Date | null;
}

/** Waits for other processes that change keys; until the transaction ends nobody else does. */
export async function lockTokenKeys(step: Step): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('photochanger:token-keys'))`.execute(step.kysely);
}

/** All keys, the newest first. */
export async function listTokenKeys(db: Step): Promise<TokenKeyRecord[]> {
  const rows = await db.kysely.selectFrom('token_key').selectAll().orderBy('created_at', 'desc').execute();
  return rows.map((row) => ({ kid: row.kid, createdAt: row.created_at, retiredAt: row.retired_at }));
}

/** Lets a key sign, and retires the one that did. To be called under {@link lockTokenKeys}. */
export async function promoteTokenKey(step: Step, kid: string): Promise<void> {
  await step.kysely
    .updateTable('token_key')
    .set({ retired_at: sql<Date>`clock_timestamp()` })
    .where('retired_at', 'is', null)
    .where('kid', '<>', kid)
    .execute();
  await step.kysely
    .insertInto('token_key')
    .values({ kid, retired_at: null })
    .onConflict((conflict) => conflict.column('kid').doUpdateSet({ retired_at: null }))
    .execute();
}

/** Deletes the keys that were retired so long ago. @returns their ids. */
export async function deleteRetiredTokenKeys(step: Step, retiredSeconds: number): Promise<string[]> {
  const rows = await step.kysely
    .deleteFrom('token_key')
    .where('retired_at', '<=', sql<Date>`clock_timestamp() - make_interval(secs => ${retiredSeconds})`)
    .returning('kid')
    .execute();
  return rows.map(({ kid }) => kid);
}
