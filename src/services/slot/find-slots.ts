import { listSlots, type Slot, type SlotFilter } from '../../repositories/slots.ts';
import { needDatabase } from '../database-fault.ts';
import type { SlotBudgetsDeps } from './slot-budgets.ts';
import { readSlotStandings, type SlotStanding } from './slot-standing.ts';

/** A slot, and how it stands. */
export interface FoundSlot {
  readonly slot: Slot;
  readonly standing: SlotStanding;
}

/** The slots that fit, by id. @throws DomainError `queue_unavailable`. */
export async function findSlots(deps: SlotBudgetsDeps, filter: SlotFilter): Promise<FoundSlot[]> {
  return readSlotStandings(deps, await needDatabase(listSlots(deps.db, filter)));
}
