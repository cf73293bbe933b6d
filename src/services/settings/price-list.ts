/** The price list as settings hold it: in the shape of the wire, because statements of the database read it, too. */
import { NO_PRICES, type PriceList } from '../../domain/prices.ts';
import { listSettings } from '../../repositories/settings.ts';
import type { Step } from '../../repositories/transaction.ts';

/** A list as it is stored and sent. */
export interface StoredPriceList {
  readonly currency: string;
  readonly prices: readonly { readonly provider_id: string; readonly model: string; readonly price: number }[];
}

/** Reads a list from its stored or sent form; undefined where there is none. */
export function toPriceList(stored: StoredPriceList | undefined): PriceList {
  if (stored === undefined) return NO_PRICES;
  const prices = stored.prices.map(({ provider_id: providerId, model, price }) => ({ providerId, model, price }));
  return { currency: stored.currency, prices };
}

/** The form in which a list is stored and shown. */
export const pricesView = ({ prices }: Pick<PriceList, 'prices'>) =>
  prices.map(({ providerId, model, price }) => ({ provider_id: providerId, model, price }));

/** The list in force. */
export const readPriceList = async (db: Step): Promise<PriceList> =>
  toPriceList((await listSettings(db)).get('pricing')?.value as StoredPriceList | undefined);
