/** What a test run is to try: what the form brings is judged as if it were to be saved. */
import { DomainError, type FieldFault } from '../../domain/errors.ts';
import { lockSlot, type Slot } from '../../repositories/slots.ts';
import { findNamedTemplates } from '../../repositories/templates.ts';
import type { Step } from '../../repositories/transaction.ts';
import type { PhotoToEnqueue } from '../job/enqueue-photo.ts';
import { usableSlot } from '../job/receive-photo.ts';
import { findSlotFaults, type SlotFaultsDeps, type SlotPointers } from '../slot/slot-faults.ts';
import type { TestForm } from './read-test-form.ts';

/** A slot as one job of the test run sees it. */
export type Trial = PhotoToEnqueue['slot'];

/**
 * The slots to be tried, in the order in which they were asked for: the slot as it is, or with the settings of the form, or one for each
 * of its candidates. A slot that is switched off can be tried, too. None keeps an original.
 *
 * To be called in a transaction: templates that were found stay until its end, and from then on for the jobs that name them.
 *
 * @throws DomainError `slot_not_found`; `slot_not_configured` for the slot as it is; for everything else `invalid_slot_settings`, with a
 * pointer into the form for every fault.
 */
export async function judgeTrials(
  step: Step,
  deps: SlotFaultsDeps,
  slotId: string,
  form: TestForm,
): Promise<readonly Trial[]> {
  const current = await lockSlot(step, slotId);
  if (current === undefined)
    throw new DomainError('slot_not_found', 'There is no such slot. Slots are slot-001 to slot-015.');
  const slot: Slot = { ...current, isEnabled: true, keepOriginalHours: 0 };
  const { settings, candidates } = form;
  if (settings === undefined && candidates === undefined) return [await asItIs(step, deps, slot)];
  const wishes = candidates?.map((candidate) => ({ ...slot, ...candidate, fallback: [] })) ?? [
    { ...slot, ...settings },
  ];
  const faults: FieldFault[] = [];
  const trials: Trial[] = [];
  for (const [index, wish] of wishes.entries()) {
    const at = pointersBelow(candidates === undefined ? '/body/settings' : `/body/candidates/${index}`);
    faults.push(...(await findSlotFaults(step, deps, wish, at)));
    trials.push(await withTemplates(step, wish));
  }
  if (faults.length > 0) throw notUsable(faults);
  return trials;
}

/** Judged as for a station's photo: a provider without a key, for instance, does no harm where the chain goes on. */
async function asItIs(step: Step, deps: SlotFaultsDeps, slot: Slot): Promise<Trial> {
  const setup = { slot: await withTemplates(step, slot), passwordHash: undefined, windowSeconds: undefined };
  return usableSlot(deps, slot.id, setup).slot;
}

const pointersBelow = (fields: string): SlotPointers => ({ fields, settings: `${fields}/settings_json` });

/** With the templates that the settings name, or those of a fallback link; two links may name the same one. */
async function withTemplates(step: Step, slot: Slot): Promise<Trial> {
  const found: Trial['templates'][] = [];
  for (const { settings } of [slot, ...slot.fallback]) found.push(await findNamedTemplates(step, slot.id, settings));
  return { ...slot, templates: found.flat() };
}

function notUsable(fields: readonly FieldFault[]): DomainError {
  const list = fields.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
  return new DomainError('invalid_slot_settings', `What is to be tried is not usable: ${list}`, {
    details: { fields },
  });
}
