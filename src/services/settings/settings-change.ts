import { DomainError, type FieldFault } from '../../domain/errors.ts';
import { type ParameterChanges, parameterFault } from '../../domain/provider-parameters.ts';
import type { Provider } from '../../providers/provider.ts';
import { type PricingChange, pricingFaults } from './change-pricing.ts';

/** What is to become of the settings; what is left out stays as it is. */
export interface SettingsChange {
  /** The password of all stations; null closes ingest. */
  readonly ingestPassword?: string | null;
  readonly providers?: Readonly<Record<string, ProviderChange>>;
  readonly windowSeconds?: number;
  readonly retentionHours?: number;
  readonly pricing?: PricingChange;
}

/** What is to become of one provider's settings. */
export interface ProviderChange {
  /** Null removes the key; the environment's, if there is one, is used again. */
  readonly apiKey?: string | null;
  readonly parameters: ParameterChanges;
}

/** What an HTTP header can carry, and a key consists of. */
const KEY = /^[\x21-\x7e]+$/;

/** @throws DomainError `invalid_settings` naming every place that cannot be, by its pointer in the request. */
export function demandPossible(providers: ReadonlyMap<string, Provider>, change: SettingsChange): void {
  const fields = Object.entries(change.providers ?? {}).flatMap(([id, provider]) => {
    const known = providers.get(id);
    if (known === undefined) {
      const message = `is no provider; providers are ${[...providers.keys()].join(', ')}`;
      return [faultAt(id, undefined, message)];
    }
    return providerFaults(id, provider, known);
  });
  if (change.pricing !== undefined) fields.push(...pricingFaults(change.pricing, [...providers.keys()]));
  if (fields.length > 0) throw impossible(fields);
}

function providerFaults(id: string, { apiKey, parameters }: ProviderChange, provider: Provider): FieldFault[] {
  const faults = Object.entries(parameters).flatMap(([name, value]) => {
    const message = parameterFault(name, value);
    return message === undefined ? [] : [faultAt(id, name, message)];
  });
  if (apiKey === undefined) return faults;
  if (!provider.description.needsKey)
    return [...faults, faultAt(id, 'api_key', 'is not known: this provider takes no key')];
  if (apiKey !== null && !KEY.test(apiKey.trim()))
    faults.push(faultAt(id, 'api_key', 'has characters that no key has'));
  return faults;
}

/** A fault of one member of a provider's settings, or of the provider itself. */
export const faultAt = (providerId: string, member: string | undefined, message: string): FieldFault => ({
  pointer: ['/body/provider_keys', providerId, ...(member === undefined ? [] : [member])].join('/'),
  message,
  keyword: 'settings',
});

/** The settings cannot become so. */
export const impossible = (fields: readonly FieldFault[]): DomainError =>
  new DomainError('invalid_settings', 'The settings cannot become so; nothing was changed.', { details: { fields } });
