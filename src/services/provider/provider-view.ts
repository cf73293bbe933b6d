import { availabilityView } from './availability-view.ts';
import type { ListedProvider } from './list-providers.ts';

/** A provider as clients see it. */
export function providerView({ description, isConfigured, limits, gate, health, operations }: ListedProvider) {
  return {
    id: description.id,
    name: description.name,
    requires_public_media: description.inputTravel === 'public_url',
    is_configured: isConfigured,
    input_travel: description.inputTravel,
    mime_types: [...description.mimeTypes],
    input_bytes_max: description.inputBytesMax,
    references_max: description.referencesMax,
    limits: {
      running_max: limits.runningMax,
      open_max: limits.openMax,
      calls_per_minute: limits.callsPerMinute,
      calls_per_day: limits.callsPerDay,
    },
    availability: availabilityView(gate),
    health: {
      state: health.state,
      calls: health.calls,
      failures: health.failures,
      last_success_at: health.lastSuccessAt?.toISOString() ?? null,
      last_failure_at: health.lastFailureAt?.toISOString() ?? null,
      last_failure_reason: health.lastFailureReason,
    },
    operations: operations.map(({ id, name, needs, schemaRef, settingsSchema }) => ({
      id,
      name,
      needs: [...needs],
      schema_ref: schemaRef,
      settings_schema: { ...settingsSchema },
    })),
  };
}
