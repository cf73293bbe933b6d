/** Encrypted secrets, by name. What is in them is nobody's business here. */
import { sql } from 'kysely';
import type { Db } from '../db/db.ts';
import type { Step } from './transaction.ts';

/** A secret's encrypted parts. */
export interface SealedColumns {
  readonly keyId: string;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

/** A secret with who set it, and when. */
export interface StoredSecret extends SealedColumns {
  readonly name: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/**
 * Waits while master keys are being removed, and keeps them until the transaction ends. To be called before a secret is sealed
 * that the same transaction stores: else its key could be gone by then.
 */
export async function keepMasterKeys(step: Step): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(hashtext('photochanger:master-keys'))`.execute(step.kysely);
}

/** Waits for every transaction that called {@link keepMasterKeys}, and holds off later ones until this transaction ends. */
export async function lockMasterKeys(step: Step): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('photochanger:master-keys'))`.execute(step.kysely);
}

/** Claims the rotation of master keys until the transaction ends. @returns false when another process rotates them now. */
export async function claimRotation(step: Step): Promise<boolean> {
  const { rows } = await sql<{
    claimed: boolean;
  }>`select pg_try_advisory_xact_lock(hashtext('photochanger:rotation')) as claimed`.execute(step.kysely);
  return rows[0]?.claimed === true;
}

/** Sets a secret; every process hears of it. */
export async function putSecret(step: Step, name: string, sealed: SealedColumns, updatedBy: string): Promise<void> {
  const row = { ...toRow(sealed), updated_by: updatedBy };
  const updatedAt = sql<Date>`greatest(clock_timestamp()::timestamptz(3), secret.updated_at + interval '1 millisecond')`;
  await step.kysely
    .insertInto('secret')
    .values({ name, ...row })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ ...row, updated_at: updatedAt }))
    .execute();
}

/** Sets a secret only where none of this name is, so that two first starts at once agree. @returns whether this call set it. */
export async function seedSecret(step: Step, name: string, sealed: SealedColumns, updatedBy: string): Promise<boolean> {
  const result = await step.kysely
    .insertInto('secret')
    .values({ name, ...toRow(sealed), updated_by: updatedBy })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** The secrets whose names begin with `prefix`, by name; all of them for an empty one. */
export async function findSecrets(db: Step, prefix: string): Promise<StoredSecret[]> {
  const rows = await db.kysely
    .selectFrom('secret')
    .selectAll()
    .where(sql<boolean>`starts_with(name, ${prefix})`)
    .orderBy('name')
    .execute();
  return rows.map((row) => ({
    name: row.name,
    keyId: row.key_id,
    nonce: row.nonce,
    ciphertext: row.ciphertext,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  }));
}

/**
 * Puts a re-encrypted secret in the place of what was read, and leaves who set it, and when. @returns false when the row was
 * changed or deleted since.
 */
export async function replaceSealed(db: Db, read: StoredSecret, sealed: SealedColumns): Promise<boolean> {
  const result = await db.kysely
    .updateTable('secret')
    .set(toRow(sealed))
    .where('name', '=', read.name)
    .where('key_id', '=', read.keyId)
    .where('nonce', '=', read.nonce)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Deletes a secret. @returns whether there was one. */
export async function deleteSecret(step: Step, name: string): Promise<boolean> {
  const result = await step.kysely.deleteFrom('secret').where('name', '=', name).executeTakeFirst();
  return result.numDeletedRows === 1n;
}

const toRow = ({ keyId, nonce, ciphertext }: SealedColumns) => ({ key_id: keyId, nonce, ciphertext });
