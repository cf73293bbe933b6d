import { chooseTableType } from '../src/contract/accepted-type.ts';
import { csvReply } from '../src/contract/csv.ts';
import type { Handler } from '../src/contract/handler.ts';
import { daysOf, metricsTable } from '../src/services/statistics/metrics-table.ts';
import { readSlotStatistics, type StatisticsDeps } from '../src/services/statistics/read-slot-statistics.ts';

/** Tells how a slot did, as JSON or CSV. */
export const getSlotStats =
  (deps: StatisticsDeps): Handler<'getSlotStats'> =>
  async ({ params, query: { from, to, group_by: groupBy, format } }, { accept }) => {
    const type = chooseTableType(format, accept);
    const statistics = await readSlotStatistics(deps, { slotId: params.slot_id, from, to, groupBy });
    const { slot_id: slotId, range, metrics } = statistics;
    if (type === 'text/csv') return csvReply(`statistics-${slotId}-${daysOf(range)}`, metricsTable(metrics, slotId));
    return { status: 200, headers: { 'Cache-Control': 'no-store', Vary: 'Accept' }, body: statistics };
  };
