import type { Handler } from '../src/contract/handler.ts';
import type { ChangeSlotDeps } from '../src/services/slot/change-slot.ts';
import { restoreSlotVersion as restore } from '../src/services/slot/restore-slot-version.ts';
import { BODY_POINTERS, changedSlotView, slotHeaders } from '../src/services/slot/slot-view.ts';
import { findSlotWarnings, type SlotWarningsDeps } from '../src/services/slot/slot-warnings.ts';

/** Brings an earlier version of a slot back. */
export const restoreSlotVersion =
  (deps: ChangeSlotDeps & SlotWarningsDeps): Handler<'restoreSlotVersion'> =>
  async ({ params, headers }, { actor }) => {
    const slot = await restore(deps, actor, {
      slotId: params.slot_id,
      version: params.version,
      ifMatch: headers['If-Match'],
      pointers: BODY_POINTERS,
    });
    const warnings = await findSlotWarnings(deps, slot);
    return { status: 200, headers: slotHeaders(slot), body: changedSlotView(slot, warnings) };
  };
