import type { PlatformSettings } from './get-platform-settings.ts';
import { pricesView } from './price-list.ts';

const iso = (moment: Date | null): string | null => moment?.toISOString() ?? null;

/** The settings as clients see them: whole seconds and hours, and nothing of a secret but whether it is there. */
export function settingsView(settings: PlatformSettings) {
  const { ingestPassword, providers, windowSeconds, retentionHours, pricing } = settings;
  const windowShown = Math.ceil(windowSeconds);
  return {
    dslr_password: {
      is_set: ingestPassword.isSet,
      updated_at: iso(ingestPassword.updatedAt),
      updated_by: ingestPassword.updatedBy,
    },
    provider_keys: Object.fromEntries(
      providers.map(({ id, isConfigured, updatedAt, updatedBy, parameters }) => [
        id,
        { ...parameters, is_configured: isConfigured, updated_at: iso(updatedAt), updated_by: updatedBy },
      ]),
    ),
    ingest: { sync_response_timeout_sec: windowShown, ingest_ttl_sec: windowShown },
    media_cache: { processed_media_ttl_hours: Math.ceil(retentionHours), public_link_ttl_sec: windowShown },
    pricing: {
      currency: pricing.currency,
      prices: pricesView(pricing),
      updated_at: iso(pricing.updatedAt),
      updated_by: pricing.updatedBy,
    },
  };
}
