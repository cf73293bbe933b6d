import type { Db } from '../../db/db.ts';
import { DomainError } from '../../domain/errors.ts';
import { listSlotResults, type ResultEntry } from '../../repositories/results.ts';
import { findSlot, type Slot } from '../../repositories/slots.ts';
import { needDatabase } from '../database-fault.ts';

/** How many results a slot shows by itself. */
const RECENT_RESULTS_MAX = 10;

/**
 * A slot, with its newest results that can be fetched now.
 *
 * @throws DomainError `slot_not_found`, `queue_unavailable`.
 */
export async function getSlot(
  { db }: { readonly db: Db },
  slotId: string,
): Promise<{ readonly slot: Slot; readonly recentResults: readonly ResultEntry[] }> {
  const [slot, recentResults] = await needDatabase(
    Promise.all([findSlot(db, slotId), listSlotResults(db, slotId, { limit: RECENT_RESULTS_MAX, offset: 0 })]),
  );
  if (slot === undefined) throw new DomainError('slot_not_found', `There is no slot "${slotId.slice(0, 64)}".`);
  return { slot, recentResults };
}
