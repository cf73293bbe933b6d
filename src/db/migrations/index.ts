import type { Migration } from 'kysely/migration';
import { slotsAndSettings } from './0001-slots-and-settings.ts';
import { queueTables } from './0002-queue-tables.ts';
import { queueFunctions } from './0003-queue-functions.ts';

/** Every step of the schema in its order; a step that was released is never edited. */
export const migrations: Record<string, Migration> = {
  '0001-slots-and-settings': slotsAndSettings,
  '0002-queue-tables': queueTables,
  '0003-queue-functions': queueFunctions,
};
