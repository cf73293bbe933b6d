import type { Actor } from '../../domain/actor.ts';
import { hasDecimals } from '../../domain/decimals.ts';
import type { FieldFault } from '../../domain/errors.ts';
import { isFree, PRICE_DECIMALS, PRICE_MAX, type Price } from '../../domain/prices.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { listSettings, putSetting } from '../../repositories/settings.ts';
import type { Step } from '../../repositories/transaction.ts';
import { pricesView, type StoredPriceList } from './price-list.ts';

/** A whole list, in the place of the one before. */
export interface PricingChange {
  /** ISO 4217. */
  readonly currency: string;
  readonly prices: readonly Price[];
}

/** The ISO 4217 codes that this program's Unicode data knows. */
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** Every reason why this cannot be the price list. @param providerIds all that there are. */
export function pricingFaults({ currency, prices }: PricingChange, providerIds: readonly string[]): FieldFault[] {
  const seen = new Set<string>();
  const faults = prices.flatMap((price, index) => {
    const at = `/prices/${index}`;
    const name = JSON.stringify([price.providerId, price.model]);
    const isRepeated = seen.has(name);
    seen.add(name);
    return [
      ...providerFaults(price, `${at}/provider_id`, providerIds),
      ...(isRepeated ? [faultAt(at, 'has the provider and the model of one before it')] : []),
      ...(isPrice(price.price) ? [] : [faultAt(`${at}/price`, PRICE_RULE)]),
    ];
  });
  return CURRENCIES.has(currency) ? faults : [faultAt('/currency', 'is no currency code of ISO 4217'), ...faults];
}

const PRICE_RULE = `must be from 0 to ${PRICE_MAX}, with at most ${PRICE_DECIMALS} digits after the point`;

const isPrice = (price: number): boolean => price >= 0 && price <= PRICE_MAX && hasDecimals(price, PRICE_DECIMALS);

function providerFaults({ providerId }: Price, pointer: string, providerIds: readonly string[]): FieldFault[] {
  if (isFree(providerId)) return [faultAt(pointer, 'always costs nothing: it works on this machine')];
  if (providerIds.includes(providerId)) return [];
  return [faultAt(pointer, `is no provider; providers are ${providerIds.join(', ')}`)];
}

const faultAt = (pointer: string, message: string): FieldFault => ({
  pointer: `/body/pricing${pointer}`,
  message,
  keyword: 'settings',
});

/** Puts the list in force within a transaction that holds the settings' lock; one that is in force already changes nothing. */
export async function changePricing(step: Step, actor: Actor, { currency, prices }: PricingChange): Promise<void> {
  const before = (await listSettings(step)).get('pricing')?.value as StoredPriceList | undefined;
  const after: StoredPriceList = { currency, prices: pricesView({ prices }) };
  if (isSameList(before, after)) return;
  await putSetting(step, 'pricing', after, actor.name);
  const details = { setting: 'pricing', from: before ?? null, to: after };
  await recordAudit(step, actor, { action: 'settings.updated', objectType: 'settings', objectId: null, details });
}

/** The database orders members its own way, so the lists are not compared as texts. */
const isSameList = (before: StoredPriceList | undefined, after: StoredPriceList): boolean =>
  before?.currency === after.currency &&
  before.prices.length === after.prices.length &&
  before.prices.every((price, index) => {
    const other = after.prices[index];
    return price.provider_id === other?.provider_id && price.model === other.model && price.price === other.price;
  });
