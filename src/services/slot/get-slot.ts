import { DomainError } from '../../domain/errors.ts';
import { listSlotResults, type ResultEntry } from '../../repositories/results.ts';
import { findSlot, type Slot } from '../../repositories/slots.ts';
import { needDatabase } from '../database-fault.ts';
import type { SlotBudgetsDeps } from './slot-budgets.ts';
import { readSlotStanding, type SlotStanding } from './slot-standing.ts';

/** How many results a slot shows by itself. */
const RECENT_RESULTS_MAX = 10;

/**
 * A slot, how it stands, and its newest results that can be fetched now.
 *
 * @throws DomainError `slot_not_found`, `queue_unavailable`.
 */
export async function getSlot(
  deps: SlotBudgetsDeps,
  slotId: string,
): Promise<{
  readonly slot: Slot;
  readonly standing: SlotStanding;
  readonly recentResults: readonly ResultEntry[];
}> {
  const { db } = deps;
  const [slot, recentResults] = await needDatabase(
    Promise.all([findSlot(db, slotId), listSlotResults(db, slotId, { limit: RECENT_RESULTS_MAX, offset: 0 })]),
  );
  if (slot === undefined) throw new DomainError('slot_not_found', `There is no slot "${slotId.slice(0, 64)}".`);
  return { slot, standing: await readSlotStanding(deps, slot), recentResults };
}
