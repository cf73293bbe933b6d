import type { Handler } from '../src/contract/handler.ts';
import { listSlotHistory } from '../src/services/slot/list-slot-history.ts';
import { versionView } from '../src/services/slot/slot-view.ts';

/** Shows how a slot was set up before. */
export const listSlotVersions =
  (deps: Parameters<typeof listSlotHistory>[0]): Handler<'listSlotVersions'> =>
  async ({ params, query }) => {
    const { page = 1, page_size: pageSize = 20 } = query;
    const { versions, total } = await listSlotHistory(deps, params.slot_id, { page, pageSize });
    const body = { data: versions.map(versionView), meta: { page, page_size: pageSize, total } };
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
  };
