import type { Db } from '../../db/db.ts';
import type { SlotSetup } from '../../domain/slot-version.ts';
import type { Provider } from '../../providers/provider.ts';
import { readPriceList } from '../settings/price-list.ts';
import { findBudgetWarnings, findChainWarnings } from './chain-warnings.ts';
import type { SlotWarning } from './slot-warning.ts';

/** What finding warnings needs. */
export interface SlotWarningsDeps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
  readonly probePublicAddress: ProbePublicAddress;
}

/**
 * Looks whether a server's base URL can be reached, as far as that can be told from here: `private` where no stranger can, `silent`
 * where it does not answer within two seconds. Never rejects.
 */
export type ProbePublicAddress = (baseUrl: string) => Promise<'answers' | 'private' | 'silent'>;

/** What to tell whoever saved a slot. Never rejects: the slot is saved, whatever can be said of it. */
export async function findSlotWarnings(deps: SlotWarningsDeps, slot: SlotSetup): Promise<SlotWarning[]> {
  const { db, providers } = deps;
  // a database that went away meanwhile must not turn a change that was made into a failure
  const prices = slot.dailyBudget === null ? undefined : await readPriceList(db).catch(() => undefined);
  return [
    ...findChainWarnings(providers, slot),
    ...(prices === undefined ? [] : findBudgetWarnings(providers, prices, slot)),
    ...(await findAddressWarnings(deps, slot)),
  ];
}

/**
 * A provider that fetches photos by URL needs this server's address to be reachable for strangers; whether it is can only be guessed
 * from inside, so nothing is refused for it.
 */
async function findAddressWarnings(
  { providers, publicBaseUrl, probePublicAddress }: SlotWarningsDeps,
  slot: SlotSetup,
): Promise<SlotWarning[]> {
  const names = [slot, ...slot.fallback].flatMap(({ providerId }) => {
    const description = providers.get(providerId)?.description;
    return description?.inputTravel === 'public_url' ? [description.name] : [];
  });
  if (names.length === 0) return [];
  const baseUrl = publicBaseUrl();
  const found = await probePublicAddress(baseUrl);
  if (found === 'answers') return [];
  return [...new Set(names)].map((name) => addressWarning(found, name, baseUrl));
}

function addressWarning(found: 'private' | 'silent', name: string, baseUrl: string): SlotWarning {
  const needs = `${name} fetches photos from this server`;
  if (found === 'private')
    return {
      code: 'public_address_private',
      message: `${needs}, but ${baseUrl} is a private address. Set PHOTOCHANGER_PUBLIC_BASE_URL to one it can reach.`,
    };
  return {
    code: 'public_address_silent',
    message: `${needs}, but ${baseUrl} does not answer from here. Check PHOTOCHANGER_PUBLIC_BASE_URL and the way to it.`,
  };
}
