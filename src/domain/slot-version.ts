import type { SlotPolicy } from './slot-policy.ts';

/** What a slot is set up to do at one time: everything of it that has a history. */
export interface SlotSetup extends SlotPolicy {
  readonly name: string;
  readonly providerId: string;
  readonly operationId: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly isEnabled: boolean;
  /** How long originals of its photos are kept; 0: not at all. */
  readonly keepOriginalHours: number;
}

/** The names of the fields on the wire. */
const FIELDS = [
  ['name', 'name'],
  ['providerId', 'provider_id'],
  ['operationId', 'operation_id'],
  ['isEnabled', 'is_enabled'],
  ['keepOriginalHours', 'keep_original_hours'],
  ['repeatPaidCalls', 'repeat_paid_calls'],
  ['dailyBudget', 'daily_budget'],
  ['overBudget', 'over_budget'],
] as const satisfies readonly (readonly [keyof SlotSetup, string])[];

/**
 * Where two versions of a slot differ, as RFC 6901 pointers into the slot as clients see it; settings by their first level, as
 * `/settings_json/prompt`; the fallback chain by its links, as `/fallback/1`. Settings are compared as they come from the database, which orders members in one way.
 */
export function changedFields(before: SlotSetup, after: SlotSetup): string[] {
  const fields = FIELDS.filter(([field]) => before[field] !== after[field]).map(([, name]) => `/${name}`);
  const keys = new Set([...Object.keys(before.settings), ...Object.keys(after.settings)]);
  const settings = [...keys]
    .filter((key) => JSON.stringify(before.settings[key]) !== JSON.stringify(after.settings[key]))
    .map((key) => `/settings_json/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  const links = Array.from({ length: Math.max(before.fallback.length, after.fallback.length) }, (_, index) => index)
    .filter((index) => JSON.stringify(before.fallback[index]) !== JSON.stringify(after.fallback[index]))
    .map((index) => `/fallback/${index}`);
  return [...fields, ...settings.sort(), ...links];
}
