import type { Db } from '../db/db.ts';

/** A slot as it is set up. */
export interface Slot {
  readonly id: string;
  readonly name: string;
  readonly providerId: string;
  readonly operationId: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly isEnabled: boolean;
  readonly updatedAt: Date;
}

const COLUMNS = ['id', 'name', 'provider_id', 'operation_id', 'settings', 'is_enabled', 'updated_at'] as const;

interface SlotRow {
  id: string;
  name: string;
  provider_id: string;
  operation_id: string;
  settings: Record<string, unknown>;
  is_enabled: boolean;
  updated_at: Date;
}

const toSlot = (row: SlotRow): Slot => ({
  id: row.id,
  name: row.name,
  providerId: row.provider_id,
  operationId: row.operation_id,
  settings: row.settings,
  isEnabled: row.is_enabled,
  updatedAt: row.updated_at,
});

/** All 15 slots, by id. */
export async function listSlots(db: Db): Promise<Slot[]> {
  const rows = await db.kysely.selectFrom('slot').select(COLUMNS).orderBy('id').execute();
  return rows.map(toSlot);
}

/** The fields to change; what is absent stays. */
export interface SlotChange {
  readonly name?: string;
  readonly providerId?: string;
  readonly operationId?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly isEnabled?: boolean;
}

/** Applies the fields that are given. @returns the slot as it is now; undefined when there is none. */
export async function updateSlot(db: Db, id: string, change: SlotChange): Promise<Slot | undefined> {
  const row = await db.kysely
    .updateTable('slot')
    .set({
      ...(change.name !== undefined && { name: change.name }),
      ...(change.providerId !== undefined && { provider_id: change.providerId }),
      ...(change.operationId !== undefined && { operation_id: change.operationId }),
      ...(change.settings !== undefined && { settings: JSON.stringify(change.settings) }),
      ...(change.isEnabled !== undefined && { is_enabled: change.isEnabled }),
    })
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirst();
  return row && toSlot(row);
}
