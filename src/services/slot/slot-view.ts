import { tagOf } from '../../domain/entity-tag.ts';
import type { Slot } from '../../repositories/slots.ts';
import type { ListedVersion } from './list-slot-history.ts';
import type { SlotWarning } from './slot-warnings.ts';

/** A slot as clients see it (schema `Slot`), without its results. */
export const slotView = (slot: Slot) => ({
  id: slot.id,
  name: slot.name,
  provider_id: slot.providerId,
  operation_id: slot.operationId,
  settings_json: slot.settings as Record<string, unknown>,
  is_enabled: slot.isEnabled,
  keep_original_hours: slot.keepOriginalHours,
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
});
