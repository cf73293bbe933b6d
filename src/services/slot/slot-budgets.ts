import type { Db } from '../../db/db.ts';
import { modelOf, type PriceList, priceOf } from '../../domain/prices.ts';
import { type BudgetState, judgeBudget } from '../../domain/slot-budget.ts';
import type { Provider } from '../../providers/provider.ts';
import { readSpending, type SlotSpending } from '../../repositories/ledger.ts';
import type { Slot } from '../../repositories/slots.ts';
import { needDatabase } from '../database-fault.ts';
import { readPriceList } from '../settings/price-list.ts';

/** What reading budgets needs. */
export interface SlotBudgetsDeps {
  readonly db: Pick<Db, 'kysely'>;
  readonly providers: ReadonlyMap<string, Provider>;
}

/** What a slot may spend today (UTC), and what it has spent. */
export interface SlotBudget extends SlotSpending {
  readonly amount: number;
  /** Of the price list; null where there is none. */
  readonly currency: string | null;
  /** What is spent over what may be; above 1 where the budget was made smaller, or a call was charged that nobody saw the end of. */
  readonly share: number;
  readonly state: BudgetState;
}

/** The budgets of those slots that have one, with the prices they go by. */
export interface SlotBudgets {
  readonly prices: PriceList;
  readonly bySlot: ReadonlyMap<string, SlotBudget>;
}

/** What is left of the slots' budgets; undefined, and no statement, where none of them has one. @throws DomainError `queue_unavailable`. */
export async function readSlotBudgets(
  { db, providers }: SlotBudgetsDeps,
  slots: readonly Slot[],
): Promise<SlotBudgets | undefined> {
  const limited = slots.filter(({ dailyBudget }) => dailyBudget !== null);
  const [first] = limited;
  if (first === undefined) return undefined;
  const only = limited.length === 1 ? first.id : undefined;
  const [prices, spending] = await needDatabase(Promise.all([readPriceList(db), readSpending(db, only)]));
  const bySlot = new Map<string, SlotBudget>();
  for (const slot of limited) {
    const spent = spending.find(({ slotId }) => slotId === slot.id);
    if (spent !== undefined) bySlot.set(slot.id, toBudget(providers, prices, slot, spent));
  }
  return { prices, bySlot };
}

function toBudget(
  providers: SlotBudgetsDeps['providers'],
  prices: PriceList,
  { providerId, operationId, settings, dailyBudget }: Slot,
  spending: SlotSpending,
): SlotBudget {
  const amount = dailyBudget as number;
  const model = modelOf(providers.get(providerId)?.description.operations ?? [], operationId, settings);
  const callPrice = priceOf(prices, providerId, model);
  return {
    ...spending,
    amount,
    currency: prices.currency,
    share: Math.round((spending.spent / amount) * 10_000) / 10_000,
    state: judgeBudget({ amount, spent: spending.spent, callPrice }),
  };
}

/** A budget as clients see it (schema `SlotBudget`); null where there is none. */
export const budgetView = (budget: SlotBudget | undefined) =>
  budget === undefined
    ? null
    : {
        amount: budget.amount,
        spent: budget.spent,
        share: budget.share,
        currency: budget.currency,
        state: budget.state,
        day_ends_at: budget.dayEndsAt.toISOString(),
      };
