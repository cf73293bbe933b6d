/** What calls of providers cost, as administrators say: no service tells it with its answer. */

/** The built-in provider: it works on this machine, so its calls cost nothing. */
const FREE_PROVIDER_ID = 'studio';

/** Stands for every model of a provider. */
export const ANY_MODEL = '*';

/** The digits that a price may have after the point. */
export const PRICE_DECIMALS = 6;

/** The highest price of a call. */
export const PRICE_MAX = 10_000;

/** What one call costs. */
export interface Price {
  readonly providerId: string;
  /** {@link ANY_MODEL}, or a model's name as the provider knows it. */
  readonly model: string;
  readonly price: number;
}

/** The prices of all providers. */
export interface PriceList {
  /** ISO 4217; null while there is no list. */
  readonly currency: string | null;
  readonly prices: readonly Price[];
}

/** The list of an installation that has none. */
export const NO_PRICES: PriceList = { currency: null, prices: [] };

/** What a call costs: the model's own price, else that of every model; null: nobody said it, which is not the same as nothing. */
export function priceOf({ prices }: PriceList, providerId: string, model: string): number | null {
  if (isFree(providerId)) return 0;
  const ofProvider = prices.filter((price) => price.providerId === providerId);
  const found =
    ofProvider.find((price) => price.model === model) ?? ofProvider.find((price) => price.model === ANY_MODEL);
  return found?.price ?? null;
}

/** Whether calls of the provider never cost anything. */
export const isFree = (providerId: string): boolean => providerId === FREE_PROVIDER_ID;

/** The part of an operation's description that says which models there are. */
interface OperationModels {
  readonly id: string;
  readonly modelDefault?: string;
}

/**
 * The model that a call with these settings asks.
 *
 * @param operations those of the provider, as its description has them.
 * @returns {@link ANY_MODEL} where the operation has no models to choose from.
 */
export function modelOf(
  operations: readonly OperationModels[],
  operationId: string,
  settings: Readonly<Record<string, unknown>>,
): string {
  const modelDefault = operations.find(({ id }) => id === operationId)?.modelDefault;
  if (modelDefault === undefined) return ANY_MODEL;
  const model = settings['model'];
  return typeof model === 'string' ? model : modelDefault;
}
