/** Settings of provider operations: their schemas and their check. */
import { providerSettings } from '../../generated/provider-settings.js';
import type { FieldFault } from '../domain/errors.ts';
import { findFaults } from './field-faults.ts';
import type { JsonSchema } from './openapi-document.ts';

/**
 * Checks the settings of an operation by its schema.
 *
 * @param prefix where the settings stand in what the client sent, as `/body/settings_json`; empty when they stand alone.
 * @returns every fault (at most 50), none when the settings are valid; `undefined` when there is no such operation.
 */
export function checkProviderSettings(
  providerId: string,
  operationId: string,
  settings: unknown,
  prefix = '',
): readonly FieldFault[] | undefined {
  const found = providerSettings.get(`${providerId}/${operationId}`);
  return found && findFaults(found.validate, settings, prefix);
}

/** The JSON Schema of an operation's settings, complete in itself; `undefined` when there is no such operation. */
export function findSettingsSchema(providerId: string, operationId: string): JsonSchema | undefined {
  return providerSettings.get(`${providerId}/${operationId}`)?.schema;
}
