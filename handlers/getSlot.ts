import type { Handler } from '../src/contract/handler.ts';
import { resultView } from '../src/services/result/result-view.ts';
import { getSlot as readSlot } from '../src/services/slot/get-slot.ts';
import { standingView } from '../src/services/slot/slot-standing.ts';
import { slotHeaders, slotView } from '../src/services/slot/slot-view.ts';

/** Shows a slot with its newest results. */
export const getSlot =
  (deps: Parameters<typeof readSlot>[0] & { readonly publicBaseUrl: () => string }): Handler<'getSlot'> =>
  async ({ params }) => {
    const { slot, standing, recentResults } = await readSlot(deps, params.slot_id);
    const recent = recentResults.map((result) => resultView(deps.publicBaseUrl(), result));
    const body = { ...slotView(slot), ...standingView(standing), recent_results: recent };
    return { status: 200, headers: slotHeaders(slot), body };
  };
