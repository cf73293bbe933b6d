import type { Handler } from '../src/contract/handler.ts';
import { type GetSettingsDeps, getPlatformSettings as get } from '../src/services/settings/get-platform-settings.ts';
import { settingsView } from '../src/services/settings/settings-view.ts';

/** Shows the settings that are in force. */
export const getPlatformSettings =
  (deps: GetSettingsDeps): Handler<'getPlatformSettings'> =>
  async () => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: settingsView(await get(deps)),
  });
