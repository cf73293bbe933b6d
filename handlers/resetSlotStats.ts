import type { Handler } from '../src/contract/handler.ts';
import { resetSlotStats as reset } from '../src/services/slot/reset-slot-stats.ts';

/** Lets a slot's statistics begin now. */
export const resetSlotStats =
  (deps: Parameters<typeof reset>[0]): Handler<'resetSlotStats'> =>
  async ({ params }, { actor }) => {
    await reset(deps, actor, params.slot_id);
    return { status: 204, headers: { 'Cache-Control': 'no-store' } };
  };
