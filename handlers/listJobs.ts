import type { Handler } from '../src/contract/handler.ts';
import { type JobsDeps, listJobs as readJobs } from '../src/services/job/list-jobs.ts';

/** Lists jobs, filtered, sorted and paged. */
export const listJobs =
  (deps: JobsDeps): Handler<'listJobs'> =>
  async ({ query }) => {
    const { status, is_finalized, failure_reason, slot_id, page = 1, page_size = 20 } = query;
    const body = await readJobs(deps, {
      filter: {
        ...(slot_id !== undefined && { slotId: slot_id }),
        ...(status !== undefined && { status }),
        ...(is_finalized !== undefined && { isFinalized: is_finalized }),
        ...(failure_reason !== undefined && { failureReason: failure_reason }),
      },
      page,
      pageSize: page_size,
      sortBy: query.sort_by ?? 'expires_at',
      sortOrder: query.sort_order ?? 'asc',
    });
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
  };
