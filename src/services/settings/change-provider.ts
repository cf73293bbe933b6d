import type { Actor } from '../../domain/actor.ts';
import {
  changeLimits,
  changeParameters,
  PARAMETERS_MAX,
  type ParameterChanges,
  type ParameterValue,
} from '../../domain/provider-parameters.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { listLanes, updateLane } from '../../repositories/lanes.ts';
import { deleteSecret } from '../../repositories/secrets.ts';
import { listSettings, putSetting } from '../../repositories/settings.ts';
import type { Step } from '../../repositories/transaction.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { storeSecret } from '../secrets/store-secret.ts';
import { providerKeyName } from './provider-keys.ts';
import { faultAt, impossible, type ProviderChange } from './settings-change.ts';

/**
 * Changes the settings of one provider within a transaction that holds the settings' lock.
 *
 * @throws DomainError `invalid_settings` when there would be too many parameters.
 */
export async function changeProvider(
  secretBox: SecretBox,
  step: Step,
  actor: Actor,
  { id, apiKey, parameters }: ProviderChange & { readonly id: string },
): Promise<void> {
  if (apiKey !== undefined) await changeKey(secretBox, step, actor, id, apiKey);
  if (Object.keys(parameters).length === 0) return;
  await changeLane(step, id, parameters);
  await keepParameters(step, actor, id, parameters);
  await recordAudit(step, actor, {
    action: 'provider.updated',
    objectType: 'provider',
    objectId: id,
    details: { changed: parameters },
  });
}

async function changeKey(
  secretBox: SecretBox,
  step: Step,
  actor: Actor,
  id: string,
  apiKey: string | null,
): Promise<void> {
  const name = providerKeyName(id);
  if (apiKey === null) await deleteSecret(step, name);
  else await storeSecret(secretBox, step, { name, clear: apiKey.trim(), updatedBy: actor.name });
  const action = apiKey === null ? 'provider_key.removed' : 'provider_key.set';
  await recordAudit(step, actor, { action, objectType: 'provider', objectId: id });
}

async function changeLane(step: Step, id: string, changes: ParameterChanges): Promise<void> {
  const lane = (await listLanes(step)).find(({ providerId }) => providerId === id);
  if (lane !== undefined) await updateLane(step, { providerId: id, ...changeLimits(lane, changes) });
}

async function keepParameters(step: Step, actor: Actor, id: string, changes: ParameterChanges): Promise<void> {
  const key = `provider_parameters:${id}` as const;
  const before = ((await listSettings(step)).get(key)?.value ?? {}) as Record<string, ParameterValue>;
  const after = changeParameters(before, changes);
  if (Object.keys(after).length > PARAMETERS_MAX)
    throw impossible([faultAt(id, undefined, `would have more than ${PARAMETERS_MAX} parameters`)]);
  if (JSON.stringify(after) !== JSON.stringify(before)) await putSetting(step, key, after, actor.name);
}
