import type { LaneGate } from '../../repositories/lanes.ts';

/** Whether a provider can be called now, as clients see it (schema `ProviderAvailability`). */
export const availabilityView = (gate: LaneGate | undefined) => ({
  state: gate?.state ?? 'ready',
  retry_after_ms: gate === undefined || gate.waitMs <= 0 ? null : Math.ceil(gate.waitMs),
  reason: gate?.reason ?? null,
  day_calls: gate?.dayCalls ?? null,
  usual_ms: toWhole(gate?.usualMs),
  slow_ms: toWhole(gate?.slowMs),
});

const toWhole = (ms: number | null | undefined): number | null => (ms == null ? null : Math.round(ms));
