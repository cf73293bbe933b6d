import type { Handler } from '../src/contract/handler.ts';
import { type CostsDeps, readSlotCosts } from '../src/services/statistics/read-costs.ts';

/** Tells what the calls of a slot cost. */
export const getSlotCosts =
  (deps: CostsDeps): Handler<'getSlotCosts'> =>
  async ({ params, query: { from, to } }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await readSlotCosts(deps, { slotId: params.slot_id, from, to }),
  });
