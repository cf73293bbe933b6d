import type { Handler } from '../src/contract/handler.ts';
import type { JobsDeps } from '../src/services/job/list-jobs.ts';
import { listSlotResults as readResults } from '../src/services/result/list-slot-results.ts';

/** Lists the finished pictures of a slot. */
export const listSlotResults =
  (deps: JobsDeps): Handler<'listSlotResults'> =>
  async ({ params, query: { page = 1, page_size: pageSize = 20 } }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await readResults(deps, { slotId: params.slot_id, page, pageSize }),
  });
