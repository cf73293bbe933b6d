import type { Db } from '../../db/db.ts';
import { WINDOW_SECONDS } from '../../domain/deadlines.ts';
import { listAdministrators } from '../../repositories/administrators.ts';
import { listSettings, type SettingKey } from '../../repositories/settings.ts';

/** The settings that the environment only seeds, by the variable (without prefix) that does. */
const SEEDED_BY: Readonly<Record<string, SettingKey>> = {
  INGEST_PASSWORD: 'ingest_password_hash',
  T_SYNC_RESPONSE_SECONDS: 'sync_response_timeout_sec',
  RESULT_RETENTION_HOURS: 'processed_media_ttl_hours',
};

/**
 * Which of the given variables have no effect, because settings hold a value or there are administrators already. A window below
 * 45 s always rules.
 */
export async function findIgnoredSeeds(
  db: Db,
  given: ReadonlySet<string>,
  windowSeconds: number,
): Promise<readonly string[]> {
  const settings = await listSettings(db);
  const ofSettings = Object.entries(SEEDED_BY)
    .filter(([name, key]) => given.has(name) && settings.has(key))
    .filter(([name]) => name !== 'T_SYNC_RESPONSE_SECONDS' || windowSeconds >= WINDOW_SECONDS.min)
    .map(([name]) => name);
  const hasAdministrators = given.has('ADMIN_PASSWORD') && (await listAdministrators(db)).length > 0;
  return hasAdministrators ? [...ofSettings, 'ADMIN_PASSWORD'] : ofSettings;
}
