/** How much of a slot's budget is used, and what that means. */

/** `warned`: so much of it is used that somebody should know; `used_up`: no further paid call fits into it. */
export type BudgetState = 'ok' | 'warned' | 'used_up';

/** From this share on a budget is nearly used up. */
const WARNED_SHARE = 0.8;

const inMillionths = (amount: number): number => Math.round(amount * 1_000_000);

/**
 * Judges what is left of a day's budget.
 *
 * @param spent so far; calls that were perhaps charged included.
 * @param callPrice what the next call of the slot's own provider costs; null: not known.
 */
export function judgeBudget({
  amount,
  spent,
  callPrice,
}: {
  readonly amount: number;
  readonly spent: number;
  readonly callPrice: number | null;
}): BudgetState {
  // sums of decimals, which binary fractions only come near to
  if (spent >= amount || inMillionths(spent) + inMillionths(callPrice ?? 0) > inMillionths(amount)) return 'used_up';
  return spent >= amount * WARNED_SHARE ? 'warned' : 'ok';
}
