import { tagOf } from '../../domain/entity-tag.ts';
import type { FallbackLink, SlotPolicy } from '../../domain/slot-policy.ts';
import type { Slot } from '../../repositories/slots.ts';
import type { ListedVersion } from './list-slot-history.ts';
import type { SlotWarning } from './slot-warning.ts';

/** A slot as clients see it (schema `Slot`), without its results. */
export const slotView = (slot: Slot) => ({
  id: slot.id,
  name: slot.name,
  provider_id: slot.providerId,
  operation_id: slot.operationId,
  settings_json: slot.settings as Record<string, unknown>,
  is_enabled: slot.isEnabled,
  keep_original_hours: slot.keepOriginalHours,
  ...policyView(slot),
  version: slot.version,
  last_reset_at: slot.lastResetAt?.toISOString() ?? null,
  created_at: slot.createdAt.toISOString(),
  updated_at: slot.updatedAt.toISOString(),
  updated_by: slot.updatedBy,
});

/** The headers of an answer about the current state of a slot. */
export const slotHeaders = (slot: Slot) => ({ ETag: tagOf(slot.updatedAt), 'Cache-Control': 'no-store' });

/** What a change answers (schema `SlotUpdateResponse`). */
export const changedSlotView = (slot: Slot, warnings: readonly SlotWarning[]) => ({
  id: slot.id,
  updated_at: slot.updatedAt.toISOString(),
  warnings: warnings.map(({ code, message }) => ({ code, message })),
});

/** Where the parts of a slot stand in an update. */
export const BODY_POINTERS = { fields: '/body', settings: '/body/settings_json' } as const;

/** A version as clients see it (schema `SlotVersion`). */
export const versionView = (version: ListedVersion) => ({
  version: version.version,
  change: version.change,
  restored_from: version.restoredFrom,
  changed_at: version.changedAt.toISOString(),
  changed_by: version.changedBy,
  changed_fields: version.changedFields && [...version.changedFields],
  name: version.name,
  provider_id: version.providerId,
  operation_id: version.operationId,
  settings_json: version.settings as Record<string, unknown>,
  is_enabled: version.isEnabled,
  keep_original_hours: version.keepOriginalHours,
  ...policyView(version),
});

const policyView = (policy: SlotPolicy) => ({
  fallback: policy.fallback.map((link) => ({
    provider_id: link.providerId,
    operation_id: link.operationId,
    settings_json: link.settings as Record<string, unknown>,
  })),
  repeat_paid_calls: policy.repeatPaidCalls,
  daily_budget: policy.dailyBudget,
  over_budget: policy.overBudget,
});

/** A fallback link as clients send it. */
interface SentLink {
  readonly provider_id: string;
  readonly operation_id: string;
  readonly settings_json: Readonly<Record<string, unknown>>;
}

/** A link as a slot holds it. */
export const readLink = (link: SentLink): FallbackLink => ({
  providerId: link.provider_id,
  operationId: link.operation_id,
  settings: link.settings_json,
});
