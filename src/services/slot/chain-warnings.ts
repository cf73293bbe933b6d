/** What may be amiss with a slot's own provider and its fallback links, taken together. */
import { isDeepStrictEqual } from 'node:util';
import { isFree, modelOf, type PriceList, priceOf } from '../../domain/prices.ts';
import type { FallbackLink } from '../../domain/slot-policy.ts';
import type { SlotSetup } from '../../domain/slot-version.ts';
import type { Provider } from '../../providers/provider.ts';
import type { SlotWarning } from './slot-warning.ts';

type Providers = ReadonlyMap<string, Provider>;

/** Links that cannot help, and a slot that needs one and has none. */
export function findChainWarnings(providers: Providers, slot: SlotSetup): SlotWarning[] {
  const chain = [slot, ...slot.fallback];
  const warnings = slot.fallback.flatMap((link, index): SlotWarning[] => {
    const name = providers.get(link.providerId)?.description.name ?? link.providerId;
    const place = `Fallback link ${index + 1}`;
    const found: SlotWarning[] = [];
    if (isSame(link, chain[index] as FallbackLink))
      found.push({
        code: 'fallback_repeats',
        message: `${place} asks ${name} for the same as the one before it, with the same settings: it can hardly help.`,
      });
    if (providers.get(link.providerId)?.isConfigured() === false)
      found.push({
        code: 'fallback_without_key',
        message: `${place} is passed over: ${name} has no key yet.`,
      });
    return found;
  });
  const first = chain.findIndex(({ providerId }) => isFree(providerId));
  if (first >= 0 && first < chain.length - 1) {
    const message = 'Links that follow the built-in studio are never reached. Put the studio last.';
    warnings.push({ code: 'fallback_unreachable', message });
  }
  const own = providers.get(slot.providerId)?.description;
  if (slot.isEnabled && slot.fallback.length === 0 && own?.needsKey === true) {
    const message = `When ${own.name} fails, guests get no picture. Add a fallback: the built-in studio always makes one.`;
    warnings.push({ code: 'no_fallback', message });
  }
  return warnings;
}

const isSame = (one: FallbackLink, other: FallbackLink): boolean =>
  one.providerId === other.providerId &&
  one.operationId === other.operationId &&
  isDeepStrictEqual(one.settings, other.settings);

/** A budget that cannot be kept, or that leaves guests without a picture once it is used up. */
export function findBudgetWarnings(providers: Providers, prices: PriceList, slot: SlotSetup): SlotWarning[] {
  const costs = [slot, ...slot.fallback].map(({ providerId, operationId, settings }) => {
    const description = providers.get(providerId)?.description;
    const model = modelOf(description?.operations ?? [], operationId, settings);
    return { name: description?.name ?? providerId, model, price: priceOf(prices, providerId, model) };
  });
  const unpriced = costs.filter(({ price }) => price === null).map(({ name, model }) => `${name} (model ${model})`);
  if (unpriced.length > 0) {
    const message = `The daily budget does not count calls without a price: ${[...new Set(unpriced)].join(', ')}. Set it in the price list.`;
    return [{ code: 'budget_without_price', message }];
  }
  if (slot.overBudget === 'stop' || costs.some(({ price }) => price === 0)) return [];
  const message = 'Once the daily budget is used up, guests get no picture: no fallback link is free. Add the studio.';
  return [{ code: 'budget_without_fallback', message }];
}
