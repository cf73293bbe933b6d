/** Calls of any age in the ledger, and what they come to when they are counted the plain way. */
import type { Db } from '../../src/db/db.ts';
import type { CostFigures } from '../../src/services/statistics/cost-figures.ts';

/** What a test may decide of a call. */
export interface StoredCall {
  readonly slotId?: string;
  readonly providerId?: string;
  /** Which link of the chain it was made for. */
  readonly linkNo?: number;
  readonly model?: string;
  readonly outcome?: string;
  readonly charged?: 'no' | 'maybe' | 'yes';
  readonly price?: number | null;
  readonly isTest?: boolean;
  readonly endedAt?: Date;
}

/** Enters calls of jobs that never were. */
export async function storeCalls({ pool }: Pick<Db, 'pool'>, calls: readonly StoredCall[]): Promise<void> {
  const rows = calls.map((call) => ({
    slot_id: call.slotId ?? 'slot-001',
    link_no: call.linkNo ?? 0,
    provider_id: call.providerId ?? 'gemini',
    model: call.model ?? '*',
    outcome: call.outcome ?? 'image',
    charged: call.charged ?? 'yes',
    price: call.price === undefined ? 0.04 : call.price,
    is_test: call.isTest ?? false,
    ended_at: call.endedAt ?? new Date(),
  }));
  await pool.query(
    `insert into provider_call (job_id, attempt_no, link_no, claim_no, slot_id, provider_id, model, outcome, charged, price, is_test, ended_at)
     select gen_random_uuid(), 1, r.link_no, 1, r.slot_id, r.provider_id, r.model, r.outcome, r.charged, r.price, r.is_test, r.ended_at
     from json_to_recordset($1) as r(link_no int, slot_id text, provider_id text, model text, outcome text,
       charged text, price numeric, is_test boolean, ended_at timestamptz)`,
    [JSON.stringify(rows)],
  );
}

/** Sets the price list. */
export const setPrices = (
  { pool }: Pick<Db, 'pool'>,
  prices: readonly (readonly [provider: string, price: number, model?: string])[],
) =>
  pool.query(
    `insert into platform_setting (key, value, updated_by) values ('pricing', $1, 'test')
     on conflict (key) do update set value = excluded.value`,
    [
      JSON.stringify({
        currency: 'EUR',
        prices: prices.map(([providerId, price, model = '*']) => ({ provider_id: providerId, model, price })),
      }),
    ],
  );

/** What stored calls come to. */
export function plainFigures(calls: readonly Required<StoredCall>[]): CostFigures {
  const count = (fits: (call: Required<StoredCall>) => boolean): number => calls.filter(fits).length;
  const sum = (charged: StoredCall['charged']): number =>
    calls
      .filter((call) => call.charged === charged)
      .reduce((millionths, { price }) => millionths + Math.round((price ?? 0) * 1_000_000), 0) / 1_000_000;
  const outcomes = [...new Set(calls.map(({ outcome }) => outcome))].sort();
  return {
    calls: calls.length,
    outcomes: Object.fromEntries(outcomes.map((outcome) => [outcome, count((call) => call.outcome === outcome)])),
    charged: {
      yes: count(({ charged }) => charged === 'yes'),
      maybe: count(({ charged }) => charged === 'maybe'),
      no: count(({ charged }) => charged === 'no'),
    },
    known: sum('yes'),
    possible: sum('maybe'),
    unpriced_calls: count(({ charged, price }) => charged !== 'no' && price === null),
  };
}
