import { sql } from 'kysely';
import type { Step } from './transaction.ts';

/** The keys of the platform settings table. */
export type SettingKey =
  | 'ingest_password_hash'
  | 'sync_response_timeout_sec'
  | 'processed_media_ttl_hours'
  | 'pricing'
  | `provider_parameters:${string}`;

/** A value with who set it, and when. */
export interface StoredSetting {
  readonly value: unknown;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** Lets changes of settings go one after the other until the transaction ends. */
export async function lockSettings(step: Step): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('photochanger:settings'))`.execute(step.kysely);
}

/** Waits for other first starts; until the transaction ends nobody else seeds anything. */
export async function lockFirstRun(step: Step): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('photochanger:first-run'))`.execute(step.kysely);
}

/** Everything that was ever set. */
export async function listSettings(db: Step): Promise<Map<string, StoredSetting>> {
  const rows = await db.kysely.selectFrom('platform_setting').selectAll().execute();
  return new Map(
    rows.map((row) => [row.key, { value: row.value, updatedAt: row.updated_at, updatedBy: row.updated_by }]),
  );
}

/** Sets a value; every process hears of it. */
export async function putSetting(db: Step, key: SettingKey, value: unknown, updatedBy: string): Promise<void> {
  const row = { key, value: JSON.stringify(value), updated_by: updatedBy };
  await db.kysely
    .insertInto('platform_setting')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: row.value, updated_by: updatedBy }))
    .execute();
}

/** Sets a value only where none is, so that two first starts at once agree. @returns whether this call set it. */
export async function seedSetting(db: Step, key: SettingKey, value: unknown, updatedBy: string): Promise<boolean> {
  const result = await db.kysely
    .insertInto('platform_setting')
    .values({ key, value: JSON.stringify(value), updated_by: updatedBy })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
