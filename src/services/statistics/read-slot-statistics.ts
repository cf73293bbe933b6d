import type { Db } from '../../db/db.ts';
import { DomainError } from '../../domain/errors.ts';
import { type AskedRange, resolveRange, SLOT_RANGE } from '../../domain/statistics.ts';
import { countSlotEvents } from '../../repositories/tallies.ts';
import { needDatabase } from '../database-fault.ts';
import { type Figures, figuresOf, type PeriodFigures, type RangeView, rangeView } from './metrics.ts';

/** What statistics are read with. */
export interface StatisticsDeps {
  readonly db: Pick<Db, 'kysely'>;
  /** What today is. */
  readonly now: () => Date;
}

/** How a slot did. */
export interface SlotStatistics {
  readonly slot_id: string;
  readonly range: RangeView<'hour' | 'day' | 'week'>;
  readonly summary: Figures & { readonly title: string; readonly last_reset_at: string | null };
  readonly metrics: PeriodFigures[];
}

/**
 * How a slot did since its last reset, period by period; exact at the moment of the call.
 *
 * @throws DomainError `invalid_request`, `slot_not_found`, `queue_unavailable`.
 */
export async function readSlotStatistics(
  { db, now }: StatisticsDeps,
  { slotId, ...asked }: AskedRange & { readonly slotId: string },
): Promise<SlotStatistics> {
  const range = resolveRange(asked, SLOT_RANGE, now());
  const slot = await needDatabase(countSlotEvents(db, range, slotId));
  if (slot === undefined) throw new DomainError('slot_not_found', 'There is no such slot.');
  const { whole, periods } = figuresOf(range, slot.periods);
  return {
    slot_id: slotId,
    range: rangeView(range),
    summary: { title: slot.name, ...whole, last_reset_at: slot.lastResetAt?.toISOString() ?? null },
    metrics: periods,
  };
}
