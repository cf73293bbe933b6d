import type { Db } from '../../db/db.ts';
import { windowSecondsInForce } from '../../domain/deadlines.ts';
import type { PriceList } from '../../domain/prices.ts';
import { type ParameterValue, showParameters } from '../../domain/provider-parameters.ts';
import type { Provider } from '../../providers/provider.ts';
import { listLanes } from '../../repositories/lanes.ts';
import { findSecrets } from '../../repositories/secrets.ts';
import { listSettings, type StoredSetting } from '../../repositories/settings.ts';
import { needDatabase } from '../database-fault.ts';
import { type StoredPriceList, toPriceList } from './price-list.ts';
import { type ProviderKeys, providerKeyName } from './provider-keys.ts';

/** What reading the settings needs. */
export interface GetSettingsDeps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly providerKeys: ProviderKeys;
  /** What holds where settings say nothing. */
  readonly environment: { readonly windowSeconds: number; readonly retentionHours: number };
}

/** Who set something, and when; null where settings hold nothing. */
export interface LastChange {
  readonly updatedAt: Date | null;
  readonly updatedBy: string | null;
}

/** The settings as they may be shown: of secrets only whether they are there. */
export interface PlatformSettings {
  readonly ingestPassword: LastChange & { readonly isSet: boolean };
  /** Every provider, in the order of the registry. */
  readonly providers: readonly (LastChange & {
    readonly id: string;
    readonly isConfigured: boolean;
    readonly parameters: Readonly<Record<string, ParameterValue>>;
  })[];
  /** How long a request that arrives now is held, in seconds. */
  readonly windowSeconds: number;
  /** How long a result that is finished now is kept, in hours. */
  readonly retentionHours: number;
  readonly pricing: LastChange & PriceList;
}

/** Reads the settings that are in force. @throws DomainError `queue_unavailable`. */
export const getPlatformSettings = (deps: GetSettingsDeps): Promise<PlatformSettings> => needDatabase(read(deps));

async function read({ db, providers, providerKeys, environment }: GetSettingsDeps): Promise<PlatformSettings> {
  // whether a provider is ready is known by what this process holds, so that is brought up to date first
  await providerKeys.refresh();
  const [settings, secrets, lanes] = await Promise.all([
    listSettings(db),
    findSecrets(db, providerKeyName('')),
    listLanes(db),
  ]);
  const password = settings.get('ingest_password_hash');
  const pricing = settings.get('pricing');
  return {
    ingestPassword: { isSet: password !== undefined && password.value !== null, ...lastChange(password) },
    providers: [...providers.values()].map((provider) => {
      const { id } = provider.description;
      const parameters = (settings.get(`provider_parameters:${id}`)?.value ?? {}) as Record<string, ParameterValue>;
      return {
        id,
        isConfigured: provider.isConfigured(),
        ...lastChange(secrets.find(({ name }) => name === providerKeyName(id))),
        parameters: showParameters(
          lanes.find(({ providerId }) => providerId === id),
          parameters,
        ),
      };
    }),
    windowSeconds: windowSecondsInForce(environment.windowSeconds, numberOf(settings.get('sync_response_timeout_sec'))),
    retentionHours: numberOf(settings.get('processed_media_ttl_hours')) ?? environment.retentionHours,
    pricing: { ...toPriceList(pricing?.value as StoredPriceList | undefined), ...lastChange(pricing) },
  };
}

const lastChange = (stored: LastChange | undefined): LastChange => ({
  updatedAt: stored?.updatedAt ?? null,
  updatedBy: stored?.updatedBy ?? null,
});

const numberOf = (setting: StoredSetting | undefined): number | undefined =>
  typeof setting?.value === 'number' ? setting.value : undefined;
