/** Figures of the ledger, with the names of the contract. */
import type { DayCalls } from '../../repositories/ledger.ts';

/** What calls came to, and what they cost. */
export interface CostFigures {
  readonly calls: number;
  /** How many ended how. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly charged: { readonly yes: number; readonly maybe: number; readonly no: number };
  /** The price of the calls that were charged. */
  readonly known: number;
  /** The price of those that perhaps were. */
  readonly possible: number;
  /** Of both, those whose price is not known. */
  readonly unpriced_calls: number;
}

/** The calls of a provider and model on one day. */
export interface DayCostFigures extends CostFigures {
  /** As `2026-11-23`. */
  readonly date: string;
  readonly provider_id: string;
  readonly model: string;
}

/** The figures of one entry. */
export const dayFigures = (entry: DayCalls): DayCostFigures => ({
  date: entry.day,
  provider_id: entry.providerId,
  model: entry.model,
  calls: entry.chargedYes + entry.chargedMaybe + entry.chargedNo,
  outcomes: entry.outcomes,
  charged: { yes: entry.chargedYes, maybe: entry.chargedMaybe, no: entry.chargedNo },
  known: entry.knownMillionths / 1_000_000,
  possible: entry.possibleMillionths / 1_000_000,
  unpriced_calls: entry.unpriced,
});

/** The figures of all entries together; amounts stay exact. */
export function sumFigures(entries: readonly DayCalls[]): CostFigures {
  const outcomes = new Map<string, number>();
  const sum = { yes: 0, maybe: 0, no: 0, known: 0, possible: 0, unpriced: 0 };
  for (const entry of entries) {
    for (const outcome in entry.outcomes)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + (entry.outcomes[outcome] ?? 0));
    sum.yes += entry.chargedYes;
    sum.maybe += entry.chargedMaybe;
    sum.no += entry.chargedNo;
    sum.known += entry.knownMillionths;
    sum.possible += entry.possibleMillionths;
    sum.unpriced += entry.unpriced;
  }
  return {
    calls: sum.yes + sum.maybe + sum.no,
    outcomes: Object.fromEntries([...outcomes].sort(([one], [other]) => (one < other ? -1 : 1))),
    charged: { yes: sum.yes, maybe: sum.maybe, no: sum.no },
    known: sum.known / 1_000_000,
    possible: sum.possible / 1_000_000,
    unpriced_calls: sum.unpriced,
  };
}
