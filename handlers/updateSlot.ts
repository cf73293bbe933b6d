import type { Handler } from '../src/contract/handler.ts';
import type { ChangeSlotDeps } from '../src/services/slot/change-slot.ts';
import { setSlot } from '../src/services/slot/set-slot.ts';
import { BODY_POINTERS, changedSlotView, readLink, slotHeaders } from '../src/services/slot/slot-view.ts';
import { findSlotWarnings, type SlotWarningsDeps } from '../src/services/slot/slot-warnings.ts';

/** Sets a slot up anew. */
export const updateSlot =
  (deps: ChangeSlotDeps & SlotWarningsDeps): Handler<'updateSlot'> =>
  async ({ params, headers, body }, { actor }) => {
    const slot = await setSlot(deps, actor, {
      slotId: params.slot_id,
      change: {
        name: body.name,
        providerId: body.provider_id,
        operationId: body.operation_id,
        settings: body.settings_json,
        ...(body.is_enabled !== undefined && { isEnabled: body.is_enabled }),
        ...(body.keep_original_hours !== undefined && { keepOriginalHours: body.keep_original_hours }),
        ...(body.fallback !== undefined && { fallback: body.fallback.map(readLink) }),
        ...(body.repeat_paid_calls !== undefined && { repeatPaidCalls: body.repeat_paid_calls }),
        ...(body.daily_budget !== undefined && { dailyBudget: body.daily_budget }),
        ...(body.over_budget !== undefined && { overBudget: body.over_budget }),
      },
      ifMatch: headers['If-Match'],
      updatedAt: body.updated_at,
      pointers: BODY_POINTERS,
    });
    const warnings = await findSlotWarnings(deps, slot);
    return { status: 200, headers: slotHeaders(slot), body: changedSlotView(slot, warnings) };
  };
