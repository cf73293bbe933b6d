import type { Handler } from '../src/contract/handler.ts';
import { findSlots } from '../src/services/slot/find-slots.ts';
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
    const body = { data: slots.map(slotView), meta: { total: slots.length } };
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
  };
