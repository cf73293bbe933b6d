import type { Handler } from '../src/contract/handler.ts';
import { listStationRequests } from '../src/services/slot/list-station-requests.ts';
import { stationRequestView } from '../src/services/slot/station-request-view.ts';

/** Shows what stations sent to a slot, and what became of it. */
export const listSlotRequests =
  (deps: Parameters<typeof listStationRequests>[0]): Handler<'listSlotRequests'> =>
  async ({ params }) => {
    const requests = await listStationRequests(deps, params.slot_id);
    const body = { data: requests.map(stationRequestView) };
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
  };
