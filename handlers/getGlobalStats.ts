import { chooseTableType } from '../src/contract/accepted-type.ts';
import { csvReply } from '../src/contract/csv.ts';
import type { Handler } from '../src/contract/handler.ts';
import { daysOf, metricsTable } from '../src/services/statistics/metrics-table.ts';
import { readGlobalStatistics } from '../src/services/statistics/read-global-statistics.ts';
import type { StatisticsDeps } from '../src/services/statistics/read-slot-statistics.ts';

const PAGE_SIZE = 10;

/** Tells how all slots did, as JSON in pages or as CSV in one piece. */
export const getGlobalStats =
  (deps: StatisticsDeps): Handler<'getGlobalStats'> =>
  async (
    { query: { from, to, group_by: groupBy, slot_id: slotId, provider_id: providerId, ...query } },
    { accept },
  ) => {
    const isCsv = chooseTableType(query.format, accept) === 'text/csv';
    const { sort_by: sortBy = 'period_start', sort_order: sortOrder = 'desc' } = query;
    const paging = isCsv
      ? { page: 1, pageSize: undefined }
      : { page: query.page ?? 1, pageSize: query.page_size ?? PAGE_SIZE };
    const asked = { from, to, groupBy, slotId, providerId, sortBy, sortOrder, ...paging };
    const statistics = await readGlobalStatistics(deps, asked);
    if (isCsv) return csvReply(`statistics-${daysOf(statistics.range)}`, metricsTable(statistics.data));
    return { status: 200, headers: { 'Cache-Control': 'no-store', Vary: 'Accept' }, body: statistics };
  };
