import { claimNotice } from '../repositories/ledger.ts';
import { listSlots } from '../repositories/slots.ts';
import { readSlotBudgets, type SlotBudget } from '../services/slot/slot-budgets.ts';
import type { WorkerDeps } from './worker-deps.ts';

/**
 * Creates a task that looks at what slots with a budget have spent today, and says in the log when a budget is nearly used up, and when
 * it is: each once a day (UTC), by one of all processes. Finishing jobs have no part in it.
 */
export function createBudgetWatch({
  db,
  providers,
  log,
}: Pick<WorkerDeps, 'db' | 'providers' | 'log'>): () => Promise<void> {
  // what somebody has said needs no statement
  const said = new Map<string, string>();
  return async () => {
    const budgets = await readSlotBudgets({ db, providers }, await listSlots(db));
    for (const { slotId, day, state, ...budget } of budgets?.bySlot.values() ?? []) {
      if (state === 'ok' || said.get(`${slotId} ${state}`) === day) continue;
      const isFirst = await claimNotice(db, { slotId, day, state });
      said.set(`${slotId} ${state}`, day);
      if (isFirst) log.warn({ slot_id: slotId, ...factsOf(budget) }, MESSAGES[state]);
    }
  };
}

const MESSAGES = {
  warned: 'the daily budget of a slot is nearly used up',
  used_up: 'the daily budget of a slot is used up',
} as const;

const factsOf = ({ amount, spent, currency }: Pick<SlotBudget, 'amount' | 'spent' | 'currency'>) => ({
  budget: amount,
  spent,
  ...(currency !== null && { currency }),
});
