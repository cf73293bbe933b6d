import type { Handler } from '../src/contract/handler.ts';
import { findSlots } from '../src/services/slot/find-slots.ts';
import { standingView } from '../src/services/slot/slot-standing.ts';
import { slotView } from '../src/services/slot/slot-view.ts';

/** Lists the slots that fit the filters, without their results. */
export const listSlots =
  (deps: Parameters<typeof findSlots>[0]): Handler<'listSlots'> =>
  async ({ query }) => {
    const slots = await findSlots(deps, {
      providerId: query.provider_id,
      operationId: query.operation_id,
      search: query.search,
    });
    const data = slots.map(({ slot, standing }) => ({ ...slotView(slot), ...standingView(standing) }));
    const body = { data, meta: { total: slots.length } };
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
  };
