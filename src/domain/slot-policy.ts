/** What a slot does when its own provider makes no picture, and what its pictures may cost. */
import { hasDecimals } from './decimals.ts';

/** The most links of a fallback chain; each needs a part of the window. */
export const FALLBACK_LINKS_MAX = 3;

/** The highest budget of a day, and the digits that it may have after the point. */
const DAILY_BUDGET_MAX = 99_999_999;
const DAILY_BUDGET_DECIMALS = 4;

/** Another provider that is asked when the ones before it cannot make the picture in time. */
export interface FallbackLink {
  readonly providerId: string;
  readonly operationId: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Whether a paid call may be made again after one that was charged, or may have been: never, only after the latter, or always. */
export type RepeatPaidCalls = 'never' | 'when_uncertain' | 'always';

/** What becomes of photos once the budget of the day is used up: links that cost nothing go on with them, or they are refused. */
export type OverBudget = 'fallback' | 'stop';

/** The part of a slot's setup that is about failures and money. */
export interface SlotPolicy {
  /** In the order in which they are tried; none: a failure is a failure. */
  readonly fallback: readonly FallbackLink[];
  readonly repeatPaidCalls: RepeatPaidCalls;
  /** For each day, in the currency of the price list; null: no budget. */
  readonly dailyBudget: number | null;
  readonly overBudget: OverBudget;
}

/** Why this cannot be the budget of a day; undefined when it can. */
export function budgetFault(budget: number | null): string | undefined {
  if (budget === null) return undefined;
  const isGood = budget > 0 && budget <= DAILY_BUDGET_MAX && hasDecimals(budget, DAILY_BUDGET_DECIMALS);
  if (isGood) return undefined;
  return `must be above 0 and at most ${DAILY_BUDGET_MAX}, with at most ${DAILY_BUDGET_DECIMALS} digits after the point`;
}
