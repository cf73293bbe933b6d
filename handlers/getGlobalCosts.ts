import type { Handler } from '../src/contract/handler.ts';
import { type CostsDeps, readGlobalCosts } from '../src/services/statistics/read-costs.ts';

/** Tells what the calls of all slots cost. */
export const getGlobalCosts =
  (deps: CostsDeps): Handler<'getGlobalCosts'> =>
  async ({ query: { from, to } }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await readGlobalCosts(deps, { from, to }),
  });
