/** The columns of a slot's policy, which a slot and its versions have alike. */
import type { SlotPolicy } from '../domain/slot-policy.ts';

/** Their names. */
export const POLICY_COLUMNS = ['fallback', 'repeat_paid_calls', 'daily_budget', 'over_budget'] as const;

/** Them in a row. */
export interface PolicyRow {
  fallback: SlotPolicy['fallback'];
  repeat_paid_calls: SlotPolicy['repeatPaidCalls'];
  /** As the database sends decimals. */
  daily_budget: string | null;
  over_budget: SlotPolicy['overBudget'];
}

/** The policy that a row holds. */
export const toPolicy = (row: PolicyRow): SlotPolicy => ({
  fallback: row.fallback,
  repeatPaidCalls: row.repeat_paid_calls,
  dailyBudget: row.daily_budget === null ? null : Number(row.daily_budget),
  overBudget: row.over_budget,
});

/** The values of an update; what is absent stays. */
export const policyValues = (change: Partial<SlotPolicy>) => ({
  ...(change.fallback !== undefined && { fallback: JSON.stringify(change.fallback) }),
  ...(change.repeatPaidCalls !== undefined && { repeat_paid_calls: change.repeatPaidCalls }),
  ...(change.dailyBudget !== undefined && { daily_budget: change.dailyBudget }),
  ...(change.overBudget !== undefined && { over_budget: change.overBudget }),
});
