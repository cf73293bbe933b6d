/** The one way in which a slot is changed, whoever does it. */
import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { isMatch, tagOf } from '../../domain/entity-tag.ts';
import { DomainError, type FieldFault } from '../../domain/errors.ts';
import { changedFields } from '../../domain/slot-version.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { listSettings } from '../../repositories/settings.ts';
import { markRestored } from '../../repositories/slot-versions.ts';
import { lockSlot, type Slot, type SlotChange, updateSlot } from '../../repositories/slots.ts';
import type { Step } from '../../repositories/transaction.ts';
import { findSlotFaults, type SlotFaultsDeps, type SlotPointers } from './slot-faults.ts';

/** What changing a slot needs. */
export interface ChangeSlotDeps extends SlotFaultsDeps {
  readonly db: Db;
  /** The environment's retention, in force until settings hold one. */
  readonly retentionHours: number;
}

/** What the change goes by; without either it is always made. */
export interface SlotConditions {
  /** An `If-Match` header. */
  readonly ifMatch?: string | undefined;
  /** The `updated_at` that the change was made from. */
  readonly updatedAt?: string | undefined;
}

/** A change of one slot. */
export interface SlotChangeRequest extends SlotConditions {
  readonly slotId: string;
  readonly change: SlotChange;
  /** Where faults are told to be; of a slot and of settings that stand alone unless it is said. */
  readonly pointers?: SlotPointers;
  /** The version that is brought back. */
  readonly restoredFrom?: number;
  /** Only says what would become of it. */
  readonly isDryRun?: boolean;
}

/**
 * Changes a slot inside the caller's transaction. The row is locked first and stays so, which makes the conditions exact: of any
 * number of changes with the same tag one is made. Photos are accepted meanwhile; jobs that exist keep their own copy.
 *
 * @throws DomainError `slot_not_found`, `precondition_failed` (`If-Match`), `slot_conflict` (`updatedAt`), `invalid_slot_settings` with
 * a pointer and a message per faulty field.
 */
export async function changeSlot(
  step: Step,
  deps: ChangeSlotDeps,
  actor: Actor,
  request: SlotChangeRequest,
): Promise<Slot> {
  const { slotId, change, restoredFrom, pointers = { fields: '', settings: '' } } = request;
  const current = await lockSlot(step, slotId);
  if (current === undefined) throw unknownSlot(slotId);
  checkConditions(current, request);
  const wanted = { ...current, ...change };
  const faults = await findSlotFaults(step, deps, wanted, pointers);
  faults.push(...(await findHoursFaults(step, deps, change, pointers)));
  if (faults.length > 0) throw notUsable(slotId, faults);
  if (request.isDryRun) return wanted;
  const updated = await updateSlot(step, slotId, change, actor.name);
  if (updated === undefined) throw unknownSlot(slotId);
  if (restoredFrom !== undefined && updated.version > current.version)
    await markRestored(step, slotId, updated.version, restoredFrom);
  await recordAudit(step, actor, {
    action: restoredFrom === undefined ? 'slot.updated' : 'slot.restored',
    objectType: 'slot',
    objectId: slotId,
    details: {
      version: updated.version,
      changed_fields: changedFields(current, updated),
      ...(restoredFrom !== undefined && { restored_from: restoredFrom }),
    },
  });
  return updated;
}

function checkConditions(current: Slot, { ifMatch, updatedAt }: SlotConditions): void {
  const details = { updated_at: current.updatedAt.toISOString() };
  if (ifMatch !== undefined && !isMatch(ifMatch, tagOf(current.updatedAt)))
    throw new DomainError('precondition_failed', `${current.id} was changed meanwhile: read it again.`, { details });
  if (updatedAt !== undefined && Date.parse(updatedAt) !== current.updatedAt.getTime())
    throw new DomainError('slot_conflict', `${current.id} was changed meanwhile: read it again.`, { details });
}

/** Originals never outlive results. Only what is asked for is judged: a retention that was shortened blocks no other change. */
async function findHoursFaults(
  step: Step,
  { retentionHours }: ChangeSlotDeps,
  { keepOriginalHours = 0 }: SlotChange,
  at: SlotPointers,
): Promise<FieldFault[]> {
  if (keepOriginalHours === 0) return [];
  const stored = (await listSettings(step)).get('processed_media_ttl_hours')?.value;
  const hoursMax = typeof stored === 'number' ? stored : retentionHours;
  if (keepOriginalHours <= hoursMax) return [];
  const message = `must be at most ${hoursMax}, the hours for which results are kept`;
  return [{ pointer: `${at.fields}/keep_original_hours`, message, keyword: 'maximum' }];
}

const unknownSlot = (slotId: string) =>
  new DomainError('slot_not_found', `There is no slot "${slotId.slice(0, 64)}". Slots are slot-001 to slot-015.`);

function notUsable(slotId: string, faults: readonly FieldFault[]): DomainError {
  const list = faults.map((fault) => `${fault.pointer} ${fault.message}`).join('; ');
  return new DomainError('invalid_slot_settings', `The settings of ${slotId} are not usable: ${list}`, {
    details: { fields: faults },
  });
}
