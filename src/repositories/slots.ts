import { sql } from 'kysely';
import type { SlotSetup } from '../domain/slot-version.ts';
import { POLICY_COLUMNS, type PolicyRow, policyValues, toPolicy } from './slot-policy.ts';
import type { Step } from './transaction.ts';

/** A slot as it is set up. */
export interface Slot extends SlotSetup {
  readonly id: string;
  /** Counts the changes of what is set up, from 1. */
  readonly version: number;
  readonly lastResetAt: Date | null;
  readonly createdAt: Date;
  /** Strictly increasing; a reset of the statistics does not move it. */
  readonly updatedAt: Date;
  /** Null: as it was installed. */
  readonly updatedBy: string | null;
}

const COLUMNS = [
  'id',
  'name',
  'provider_id',
  'operation_id',
  'settings',
  'is_enabled',
  'keep_original_hours',
  ...POLICY_COLUMNS,
  'version',
  'last_reset_at',
  'created_at',
  'updated_at',
  'updated_by',
] as const;

interface SlotRow extends PolicyRow {
  id: string;
  name: string;
  provider_id: string;
  operation_id: string;
  settings: Record<string, unknown>;
  is_enabled: boolean;
  keep_original_hours: number;
  version: number;
  last_reset_at: Date | null;
  created_at: Date;
  updated_at: Date;
  updated_by: string | null;
}

const toSlot = (row: SlotRow): Slot => ({
  id: row.id,
  name: row.name,
  providerId: row.provider_id,
  operationId: row.operation_id,
  settings: row.settings,
  isEnabled: row.is_enabled,
  keepOriginalHours: row.keep_original_hours,
  ...toPolicy(row),
  version: row.version,
  lastResetAt: row.last_reset_at,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  updatedBy: row.updated_by,
});

/** Which slots are wanted; what is left out does not matter. */
export interface SlotFilter {
  readonly providerId?: string | undefined;
  readonly operationId?: string | undefined;
  /** A part of the name, whatever its case in any script; nothing in it is a wildcard. */
  readonly search?: string | undefined;
}

/** The slots that fit, by id. */
export async function listSlots(db: Step, { providerId, operationId, search }: SlotFilter = {}): Promise<Slot[]> {
  const rows = await db.kysely
    .selectFrom('slot')
    .select(COLUMNS)
    .$if(providerId !== undefined, (query) => query.where('provider_id', '=', providerId as string))
    .$if(operationId !== undefined, (query) => query.where('operation_id', '=', operationId as string))
    .$if(search !== undefined, (query) =>
      query.where(
        sql<boolean>`strpos(casefold(name collate pg_unicode_fast), casefold(${search}::text collate pg_unicode_fast)) > 0`,
      ),
    )
    .orderBy('id')
    .execute();
  return rows.map(toSlot);
}

/** One slot. */
export async function findSlot(db: Step, id: string): Promise<Slot | undefined> {
  const row = await db.kysely.selectFrom('slot').select(COLUMNS).where('id', '=', id).executeTakeFirst();
  return row && toSlot(row);
}

/** One slot, locked against other changes until the step's transaction ends; photos for it are accepted meanwhile. */
export async function lockSlot(db: Step, id: string): Promise<Slot | undefined> {
  const row = await db.kysely
    .selectFrom('slot')
    .select(COLUMNS)
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row && toSlot(row);
}

/** The fields to change; what is absent stays. */
export type SlotChange = Partial<SlotSetup>;

/**
 * Applies the fields that are given; the database keeps the version.
 *
 * @param by who changes it; null where the installation itself is being set up.
 * @returns the slot as it is now; undefined when there is none.
 */
export async function updateSlot(
  db: Step,
  id: string,
  change: SlotChange,
  by: string | null = null,
): Promise<Slot | undefined> {
  const row = await db.kysely
    .updateTable('slot')
    .set({
      ...(change.name !== undefined && { name: change.name }),
      ...(change.providerId !== undefined && { provider_id: change.providerId }),
      ...(change.operationId !== undefined && { operation_id: change.operationId }),
      ...(change.settings !== undefined && { settings: JSON.stringify(change.settings) }),
      ...(change.isEnabled !== undefined && { is_enabled: change.isEnabled }),
      ...(change.keepOriginalHours !== undefined && { keep_original_hours: change.keepOriginalHours }),
      ...policyValues(change),
      updated_by: by,
    })
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirst();
  return row && toSlot(row);
}

/** Takes the right to reset a slot's statistics until the step's transaction ends. @returns false while another has it. */
export async function lockReset(db: Step, slotId: string): Promise<boolean> {
  const key = `slot reset ${slotId}`;
  const { rows } = await sql<{
    taken: boolean;
  }>`select pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) as taken`.execute(db.kysely);
  return rows[0]?.taken === true;
}

/** Notes that the statistics of a slot begin now. @returns that moment; undefined when there is no such slot. */
export async function resetStats(db: Step, slotId: string): Promise<Date | undefined> {
  const row = await db.kysely
    .updateTable('slot')
    .set({ last_reset_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', slotId)
    .returning('last_reset_at')
    .executeTakeFirst();
  return row?.last_reset_at ?? undefined;
}
