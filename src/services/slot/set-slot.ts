import type { Actor } from '../../domain/actor.ts';
import type { Slot } from '../../repositories/slots.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { type ChangeSlotDeps, changeSlot, type SlotChangeRequest } from './change-slot.ts';

/**
 * Changes a slot. The result as a whole must be usable: a known operation of a known provider, and settings that its schema
 * accepts. Nothing of a refused change is kept; jobs that were accepted before keep their own copy.
 *
 * @throws DomainError as `changeSlot`; `queue_unavailable`.
 */
export const setSlot = (
  deps: ChangeSlotDeps,
  actor: Actor,
  request: Omit<SlotChangeRequest, 'restoredFrom'>,
): Promise<Slot> => needDatabase(transaction(deps.db, (step) => changeSlot(step, deps, actor, request)));
