import type { Handler } from '../src/contract/handler.ts';
import { toPriceList } from '../src/services/settings/price-list.ts';
import { settingsView } from '../src/services/settings/settings-view.ts';
import {
  type UpdateSettingsDeps,
  updatePlatformSettings as update,
} from '../src/services/settings/update-platform-settings.ts';

/** Changes what is given of the settings, and shows all of them. */
export const updatePlatformSettings =
  (deps: UpdateSettingsDeps): Handler<'updatePlatformSettings'> =>
  async ({ body }, { actor }) => {
    const providers = Object.entries(body.provider_keys ?? {}).map(([id, { api_key: apiKey, ...parameters }]) => [
      id,
      { ...(apiKey !== undefined && { apiKey }), parameters },
    ]);
    const settings = await update(deps, actor, {
      ...(body.dslr_password && { ingestPassword: body.dslr_password.value }),
      ...(body.ingest && { windowSeconds: body.ingest.sync_response_timeout_sec }),
      ...(body.media_cache && { retentionHours: body.media_cache.processed_media_ttl_hours }),
      providers: Object.fromEntries(providers),
      ...(body.pricing && { pricing: { ...toPriceList(body.pricing), currency: body.pricing.currency } }),
    });
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: settingsView(settings) };
  };
