import type { Db } from '../../db/db.ts';
import { DomainError, type FieldFault } from '../../domain/errors.ts';
import type { Provider } from '../../providers/provider.ts';
import { listSlots, type Slot, type SlotChange, updateSlot } from '../../repositories/slots.ts';

/** What changing a slot needs. */
export interface SetSlotDeps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  /** Every fault of an operation's settings; undefined when the contract has no schema for the operation. */
  readonly checkSettings: (
    providerId: string,
    operationId: string,
    settings: unknown,
  ) => readonly FieldFault[] | undefined;
}

/**
 * Changes a slot. The result as a whole must be usable: a known operation of a known provider, and settings that its schema
 * accepts. Jobs that were accepted before keep their own copy.
 *
 * @throws DomainError `slot_not_found`, `invalid_slot_settings` with a pointer and a message per faulty field.
 */
export async function setSlot(
  deps: SetSlotDeps,
  slotId: string,
  change: SlotChange,
  options: { isDryRun?: boolean } = {},
): Promise<Slot> {
  const current = (await listSlots(deps.db)).find((slot) => slot.id === slotId);
  if (current === undefined)
    throw new DomainError('slot_not_found', `There is no slot "${slotId}". Slots are slot-001 to slot-015.`);
  const faults = faultsOf(deps, { ...current, ...change });
  if (faults.length > 0) {
    const list = faults.map((fault) => `${fault.pointer} ${fault.message}`).join('; ');
    throw new DomainError('invalid_slot_settings', `The settings of ${slotId} are not usable: ${list}`, {
      details: { fields: faults },
    });
  }
  if (options.isDryRun) return { ...current, ...change };
  const updated = await updateSlot(deps.db, slotId, change);
  if (updated === undefined) throw new DomainError('slot_not_found', `There is no slot "${slotId}".`);
  return updated;
}

function faultsOf(deps: SetSlotDeps, slot: Slot): readonly FieldFault[] {
  const provider = deps.providers.get(slot.providerId);
  if (provider === undefined) {
    return [
      { pointer: '/provider_id', message: `must be one of ${[...deps.providers.keys()].join(', ')}`, keyword: 'enum' },
    ];
  }
  const operations = provider.description.operations.map((operation) => operation.id);
  if (!operations.includes(slot.operationId)) {
    return [{ pointer: '/operation_id', message: `must be one of ${operations.join(', ')}`, keyword: 'enum' }];
  }
  const faults = deps.checkSettings(slot.providerId, slot.operationId, slot.settings);
  if (faults?.length === 0) return templateFaults(slot);
  return faults ?? [{ pointer: '/operation_id', message: 'has no settings schema in the contract', keyword: 'enum' }];
}

/** Settings that name a template image need one that is bound to them; no template can be bound yet. */
const templateFaults = (slot: Slot): FieldFault[] =>
  Object.entries(slot.settings)
    .filter(([key, value]) => key.endsWith('_media_id') && value !== 'ingest')
    .map(([key]) => ({
      pointer: `/${key}`,
      message: 'names a template that is not bound to this slot',
      keyword: 'template',
    }));
