import type { Actor } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { listSettings, lockSettings, putSetting, type SettingKey } from '../../repositories/settings.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { changeIngestPassword } from './change-ingest-password.ts';
import { changePricing } from './change-pricing.ts';
import { changeProvider } from './change-provider.ts';
import { type GetSettingsDeps, getPlatformSettings, type PlatformSettings } from './get-platform-settings.ts';
import { hashPassword } from './password-hash.ts';
import { demandPossible, type SettingsChange } from './settings-change.ts';

/** What changing the settings needs. */
export interface UpdateSettingsDeps extends GetSettingsDeps {
  readonly secretBox: SecretBox;
}

/**
 * Changes everything that is given, or nothing. A new window or retention holds for photos that arrive or are finished from now
 * on; a new ingest password for photos that arrive from now on; a key, limits and prices from the next call on, in every process.
 *
 * @returns the settings as they are afterwards.
 * @throws DomainError `invalid_settings`, `queue_unavailable`.
 */
export async function updatePlatformSettings(
  deps: UpdateSettingsDeps,
  actor: Actor,
  change: SettingsChange,
): Promise<PlatformSettings> {
  demandPossible(deps.providers, change);
  // before the transaction: hashing takes its time
  const passwordHash = typeof change.ingestPassword === 'string' ? await hashPassword(change.ingestPassword) : null;
  await needDatabase(
    transaction(deps.db, async (step) => {
      await lockSettings(step);
      if (change.ingestPassword !== undefined) await changeIngestPassword(step, actor, passwordHash);
      for (const [id, provider] of Object.entries(change.providers ?? {}))
        await changeProvider(deps.secretBox, step, actor, { id, ...provider });
      await changeTimes(step, actor, change);
      if (change.pricing !== undefined) await changePricing(step, actor, change.pricing);
    }),
  );
  return getPlatformSettings(deps);
}

async function changeTimes(step: Step, actor: Actor, { windowSeconds, retentionHours }: SettingsChange): Promise<void> {
  const given: (readonly [SettingKey, number | undefined])[] = [
    ['sync_response_timeout_sec', windowSeconds],
    ['processed_media_ttl_hours', retentionHours],
  ];
  const before = await listSettings(step);
  for (const [key, value] of given) {
    if (value === undefined) continue;
    await putSetting(step, key, value, actor.name);
    const details = { setting: key, from: before.get(key)?.value ?? null, to: value };
    await recordAudit(step, actor, { action: 'settings.updated', objectType: 'settings', objectId: null, details });
  }
}
