import { DomainError } from '../../domain/errors.ts';
import { type AskedRange, COST_RANGE, resolveRange } from '../../domain/statistics.ts';
import { countCalls } from '../../repositories/ledger.ts';
import { findSlot } from '../../repositories/slots.ts';
import { needDatabase } from '../database-fault.ts';
import { readPriceList } from '../settings/price-list.ts';
import { budgetView, readSlotBudgets, type SlotBudgetsDeps } from '../slot/slot-budgets.ts';
import { type CostFigures, type DayCostFigures, dayFigures, sumFigures } from './cost-figures.ts';
import type { StatisticsDeps } from './read-slot-statistics.ts';

/** What reading costs needs. */
export type CostsDeps = StatisticsDeps & SlotBudgetsDeps;

/** Which days; those of the default range where nothing is said. */
export type CostDays = Pick<AskedRange, 'from' | 'to'>;

/** What calls came to and cost on some days (UTC). */
export interface Costs {
  /** Dates; `to` is exclusive. */
  readonly range: { readonly from: string; readonly to: string };
  /** Of the price list; null where there is none. */
  readonly currency: string | null;
  /** Test runs are not in it. */
  readonly totals: CostFigures;
  readonly test_runs: CostFigures;
  /** By day, provider and model, without test runs; days without calls are not there. */
  readonly data: DayCostFigures[];
}

/**
 * What the calls of all slots came to and cost; exact at the moment of the call.
 *
 * @throws DomainError `invalid_request`, `queue_unavailable`.
 */
export const readGlobalCosts = (deps: CostsDeps, days: CostDays): Promise<Costs> => read(deps, days);

/**
 * What the calls of one slot came to and cost, and what is left of its budget today.
 *
 * @throws DomainError `invalid_request`, `slot_not_found`, `queue_unavailable`.
 */
export async function readSlotCosts(deps: CostsDeps, { slotId, ...days }: CostDays & { readonly slotId: string }) {
  const [costs, slot] = await Promise.all([read(deps, days, slotId), needDatabase(findSlot(deps.db, slotId))]);
  if (slot === undefined) throw new DomainError('slot_not_found', 'There is no such slot.');
  const budgets = await readSlotBudgets(deps, [slot]);
  return { slot_id: slotId, ...costs, budget: budgetView(budgets?.bySlot.get(slotId)) };
}

async function read({ db, now }: CostsDeps, days: CostDays, slotId?: string): Promise<Costs> {
  const { from, to } = resolveRange(days, COST_RANGE, now());
  const [calls, { currency }] = await needDatabase(
    Promise.all([countCalls(db, { from, to }, slotId), readPriceList(db)]),
  );
  const guests = calls.filter(({ isTest }) => !isTest);
  return {
    range: { from: dateOf(from), to: dateOf(to) },
    currency,
    totals: sumFigures(guests),
    test_runs: sumFigures(calls.filter(({ isTest }) => isTest)),
    data: guests.map(dayFigures),
  };
}

const dateOf = (at: Date): string => at.toISOString().slice(0, 10);
