/** What is known of the providers, and of the money that their calls cost: as the database says it at a scrape. */
import type { Registry } from 'prom-client';
import type { LaneGate } from '../repositories/lanes.ts';
import type { TodaysCalls } from '../repositories/ledger.ts';
import type { Figures } from './figures.ts';
import { registerNumbers, type Sample } from './register.ts';

const STATES = ['ready', 'probe', 'probing', 'paused', 'down', 'exhausted'] as const satisfies LaneGate['state'][];

/** Registers them. What is not known is left out; a provider without calls today has zeros. */
export function registerProviders(
  registry: Registry,
  providerIds: readonly string[],
  found: () => Figures | undefined,
): void {
  registerNumbers(registry, 'photochanger_provider_availability', () =>
    (found()?.standings ?? []).flatMap(({ providerId, state }) =>
      STATES.map((each) => ({ labels: [providerId, each], value: each === state ? 1 : 0 })),
    ),
  );
  const today = (samplesOf: (providerId: string, calls: TodaysCalls) => Sample[]) => () => {
    const calls = found()?.today;
    if (calls === undefined) return [];
    return providerIds.flatMap((id) => samplesOf(id, calls.find(({ providerId }) => providerId === id) ?? NO_CALLS));
  };
  registerNumbers(
    registry,
    'photochanger_provider_day_calls',
    today((id, { chargedYes, chargedMaybe, chargedNo }) => [
      { labels: [id, 'yes'], value: chargedYes },
      { labels: [id, 'maybe'], value: chargedMaybe },
      { labels: [id, 'no'], value: chargedNo },
    ]),
  );
  registerNumbers(
    registry,
    'photochanger_provider_day_cost',
    today((id, { known, possible }) => [
      { labels: [id, 'yes'], value: known },
      { labels: [id, 'maybe'], value: possible },
    ]),
  );
  registerNumbers(
    registry,
    'photochanger_provider_day_unpriced_calls',
    today((id, { unpriced }) => [{ labels: [id], value: unpriced }]),
  );
  registerNumbers(
    registry,
    'photochanger_provider_day_fallback_pictures',
    today((id, { fallbackPictures }) => [{ labels: [id], value: fallbackPictures }]),
  );
  registerNumbers(registry, 'photochanger_slot_budget_used_ratio', () =>
    (found()?.budgets ?? []).map(({ slotId, ratio }) => ({ labels: [slotId], value: ratio })),
  );
}

const NO_CALLS: TodaysCalls = {
  providerId: '',
  chargedNo: 0,
  chargedMaybe: 0,
  chargedYes: 0,
  known: 0,
  possible: 0,
  unpriced: 0,
  fallbackPictures: 0,
};
