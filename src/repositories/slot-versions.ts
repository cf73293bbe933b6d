/** The history of slots. The database writes a version whenever a slot's setup changes. */
import type { SlotSetup } from '../domain/slot-version.ts';
import { POLICY_COLUMNS, type PolicyRow, toPolicy } from './slot-policy.ts';
import type { Step } from './transaction.ts';

/** A slot as it was, and how it came to be so. */
export interface SlotVersion extends SlotSetup {
  readonly version: number;
  readonly change: 'created' | 'updated' | 'restored';
  /** The version that was brought back. */
  readonly restoredFrom: number | null;
  readonly changedAt: Date;
  /** Null: as it was installed. */
  readonly changedBy: string | null;
}

const COLUMNS = [
  'version',
  'change',
  'restored_from',
  'name',
  'provider_id',
  'operation_id',
  'settings',
  'is_enabled',
  'keep_original_hours',
  ...POLICY_COLUMNS,
  'changed_at',
  'changed_by',
] as const;

interface VersionRow extends PolicyRow {
  version: number;
  change: SlotVersion['change'];
  restored_from: number | null;
  name: string;
  provider_id: string;
  operation_id: string;
  settings: Record<string, unknown>;
  is_enabled: boolean;
  keep_original_hours: number;
  changed_at: Date;
  changed_by: string | null;
}

const toVersion = (row: VersionRow): SlotVersion => ({
  version: row.version,
  change: row.change,
  restoredFrom: row.restored_from,
  name: row.name,
  providerId: row.provider_id,
  operationId: row.operation_id,
  settings: row.settings,
  isEnabled: row.is_enabled,
  keepOriginalHours: row.keep_original_hours,
  ...toPolicy(row),
  changedAt: row.changed_at,
  changedBy: row.changed_by,
});

const versionsOf = (db: Step, slotId: string) => db.kysely.selectFrom('slot_version').where('slot_id', '=', slotId);

/** The versions of a slot that are kept, newest first. */
export async function listSlotVersions(
  db: Step,
  slotId: string,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<SlotVersion[]> {
  const rows = await versionsOf(db, slotId)
    .select(COLUMNS)
    .orderBy('version', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  return rows.map(toVersion);
}

/** How many versions of a slot are kept. */
export async function countSlotVersions(db: Step, slotId: string): Promise<number> {
  const { count } = await versionsOf(db, slotId)
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** One version; undefined when there was none, or it is no longer kept. */
export async function findSlotVersion(db: Step, slotId: string, version: number): Promise<SlotVersion | undefined> {
  const row = await versionsOf(db, slotId).select(COLUMNS).where('version', '=', version).executeTakeFirst();
  return row && toVersion(row);
}

/** Says of a version, in the transaction that made it, that it brought an earlier one back. */
export async function markRestored(db: Step, slotId: string, version: number, restoredFrom: number): Promise<void> {
  await db.kysely
    .updateTable('slot_version')
    .set({ change: 'restored', restored_from: restoredFrom })
    .where('slot_id', '=', slotId)
    .where('version', '=', version)
    .execute();
}
