import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { DomainError, type FieldFault } from '../../src/domain/errors.ts';
import { seedProviderLanes } from '../../src/services/provider/seed-provider-lanes.ts';
import { type GetSettingsDeps, getPlatformSettings } from '../../src/services/settings/get-platform-settings.ts';
import type { SettingsChange } from '../../src/services/settings/settings-change.ts';
import { updatePlatformSettings } from '../../src/services/settings/update-platform-settings.ts';
import { type AdminContext, UsageError } from './command.ts';

function settingsDeps({ db, config, providers, providerKeys }: AdminContext): GetSettingsDeps {
  const { T_SYNC_RESPONSE_SECONDS: windowSeconds, RESULT_RETENTION_HOURS: retentionHours } = config.values;
  return { db, providers, providerKeys, environment: { windowSeconds, retentionHours } };
}

/** The settings in force. */
export const readSettings = (context: AdminContext) => getPlatformSettings(settingsDeps(context));

/** Changes settings as an administrator does. @throws UsageError with every fault in words. */
export async function changeSettings(
  context: AdminContext,
  change: SettingsChange,
  secretBox = context.secretBox,
): Promise<void> {
  await seedProviderLanes(context);
  try {
    await updatePlatformSettings({ ...settingsDeps(context), secretBox }, COMMAND_LINE, change);
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'invalid_settings')) throw error;
    const fields = error.details?.fields as readonly FieldFault[];
    throw new UsageError(fields.map(({ pointer, message }) => `${pointer.split('/').at(-1)} ${message}.`).join('\n'));
  }
}
