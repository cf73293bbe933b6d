import { ANY_MODEL, type Price } from '../../src/domain/prices.ts';
import { changeSettings, readSettings } from './change-settings.ts';
import { type AdminContext, type Command, readOptions, required, table, UsageError } from './command.ts';

/** `price list` */
export const listPricesCommand: Command = {
  name: ['price', 'list'],
  usage: 'price list',
  about: 'What a call of each provider and model costs, as it was set here; no service tells it by itself.',
  run: async (_words, context) => {
    const { currency, prices } = (await readSettings(context)).pricing;
    if (currency === null || prices.length === 0) return 'No prices are set: what calls cost is not known.';
    const rows = prices.map(({ providerId, model, price }) => [providerId, model, String(price), currency]);
    return table([['provider', 'model', 'a call', ''], ...rows]);
  },
};

/** `price set` */
export const setPriceCommand: Command = {
  name: ['price', 'set'],
  usage: 'price set <provider-id> <price> [--model M] [--currency EUR]',
  about:
    'Sets what a call costs, of one model or of every model without a price of its own. The first price needs a currency.',
  run: async (words, context) => {
    const { values, positionals } = readOptions(words, { model: { type: 'string' }, currency: { type: 'string' } });
    const key = keyIn(positionals[0], values.model);
    const price = priceIn(positionals[1]);
    const before = (await readSettings(context)).pricing;
    const currency = values.currency ?? before.currency;
    if (currency === null) throw new UsageError('Which currency are the prices in? Add, for example, --currency EUR.');
    const isFirst = !before.prices.some(isOf(key));
    const prices = isFirst
      ? [...before.prices, { ...key, price }]
      : before.prices.map((each) => (isOf(key)(each) ? { ...key, price } : each));
    await changeSettings(context, { pricing: { currency, prices } });
    return `A call of ${named(key)} costs ${price} ${currency}.`;
  },
};

/** `price remove` */
export const removePriceCommand: Command = {
  name: ['price', 'remove'],
  usage: 'price remove <provider-id> [--model M]',
  about: 'Takes a price out of the list; what such calls cost is not known from then on.',
  run: async (words, context) => {
    const { values, positionals } = readOptions(words, { model: { type: 'string' } });
    const key = keyIn(positionals[0], values.model);
    await removePrice(context, key);
    return `There is no price for ${named(key)} any more.`;
  },
};

async function removePrice(context: AdminContext, key: PriceKey): Promise<void> {
  const { currency, prices } = (await readSettings(context)).pricing;
  const left = prices.filter((price) => !isOf(key)(price));
  if (currency === null || left.length === prices.length)
    throw new UsageError(`There is no price for ${named(key)}. See price list.`);
  await changeSettings(context, { pricing: { currency, prices: left } });
}

type PriceKey = Pick<Price, 'providerId' | 'model'>;

const keyIn = (providerId: string | undefined, model = ANY_MODEL): PriceKey => {
  if (!/^[!-~]{1,200}$/.test(model)) throw new UsageError('--model takes a model’s name, without spaces.');
  return { providerId: required(providerId, 'The provider id'), model };
};

const isOf = (key: PriceKey) => (price: Price) => price.providerId === key.providerId && price.model === key.model;

const named = ({ providerId, model }: PriceKey) => (model === ANY_MODEL ? providerId : `${providerId} with ${model}`);

function priceIn(word: string | undefined): number {
  const text = required(word, 'The price');
  if (!/^\d{1,6}(?:\.\d{1,6})?$/.test(text))
    throw new UsageError(
      `A price is a number such as 0.04, with at most six digits after the point; not "${text.slice(0, 40)}".`,
    );
  return Number(text);
}
