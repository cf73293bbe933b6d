import type { Slot } from '../../repositories/slots.ts';
import { findBudgetWarnings, findChainWarnings } from './chain-warnings.ts';
import {
  budgetView,
  readSlotBudgets,
  type SlotBudget,
  type SlotBudgets,
  type SlotBudgetsDeps,
} from './slot-budgets.ts';
import type { SlotWarning } from './slot-warning.ts';

/** How a slot stands now. */
export interface SlotStanding {
  readonly budget: SlotBudget | undefined;
  /** What can be told without asking the network. */
  readonly warnings: readonly SlotWarning[];
}

/** How a slot stands. @throws DomainError `queue_unavailable`. */
export const readSlotStanding = async (deps: SlotBudgetsDeps, slot: Slot): Promise<SlotStanding> =>
  standingOf(deps.providers, slot, await readSlotBudgets(deps, [slot]));

/** The slots with how they stand, in their order. @throws DomainError `queue_unavailable`. */
export async function readSlotStandings(
  deps: SlotBudgetsDeps,
  slots: readonly Slot[],
): Promise<{ readonly slot: Slot; readonly standing: SlotStanding }[]> {
  const budgets = await readSlotBudgets(deps, slots);
  return slots.map((slot) => ({ slot, standing: standingOf(deps.providers, slot, budgets) }));
}

function standingOf(
  providers: SlotBudgetsDeps['providers'],
  slot: Slot,
  budgets: SlotBudgets | undefined,
): SlotStanding {
  const budget = budgets?.bySlot.get(slot.id);
  const warnings = [
    ...findChainWarnings(providers, slot),
    ...(budgets && budget ? findBudgetWarnings(providers, budgets.prices, slot) : []),
    ...(budget ? findUseWarnings(slot, budget) : []),
  ];
  return { budget, warnings };
}

/** A budget that is nearly, or wholly, used up today. */
function findUseWarnings({ overBudget }: Slot, { state, spent, amount, currency }: SlotBudget): SlotWarning[] {
  if (state === 'ok') return [];
  const used = `${spent} of ${amount}${currency === null ? '' : ` ${currency}`} are spent today`;
  const after = overBudget === 'stop' ? 'photos are refused' : 'only links that cost nothing make pictures';
  if (state === 'warned')
    return [{ code: 'budget_warned', message: `The daily budget is nearly used up: ${used}. After that ${after}.` }];
  return [{ code: 'budget_used_up', message: `The daily budget is used up: ${used}. Until midnight (UTC) ${after}.` }];
}

/** The standing as clients see it, beside the slot. */
export const standingView = ({ budget, warnings }: SlotStanding) => ({
  budget: budgetView(budget),
  warnings: warnings.map(({ code, message }) => ({ code, message })),
});
