import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import { findSlotVersion } from '../../repositories/slot-versions.ts';
import type { Slot } from '../../repositories/slots.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { type ChangeSlotDeps, changeSlot, type SlotChangeRequest } from './change-slot.ts';

/** Which version of a slot is brought back. */
export interface RestoreRequest extends Pick<SlotChangeRequest, 'slotId' | 'ifMatch' | 'pointers'> {
  readonly version: number;
}

/**
 * Sets a slot up as it was in an earlier version, whole: whether it is enabled, too. It is a change like any other: judged as one,
 * and kept as a new version unless it changes nothing.
 *
 * @throws DomainError `not_found` for a version that never was or is no longer kept, and as `changeSlot`; `queue_unavailable`.
 */
export const restoreSlotVersion = (deps: ChangeSlotDeps, actor: Actor, request: RestoreRequest): Promise<Slot> =>
  needDatabase(
    transaction(deps.db, async (step) => {
      const { version, slotId } = request;
      const found = await findSlotVersion(step, slotId, version);
      if (found === undefined) throw new DomainError('not_found', `${slotId} has no version ${version}.`);
      const { name, providerId, operationId, settings, isEnabled, keepOriginalHours } = found;
      const { fallback, repeatPaidCalls, dailyBudget, overBudget } = found;
      const policy = { fallback, repeatPaidCalls, dailyBudget, overBudget };
      const change = { name, providerId, operationId, settings, isEnabled, keepOriginalHours, ...policy };
      return changeSlot(step, deps, actor, { ...request, change, restoredFrom: version });
    }),
  );
