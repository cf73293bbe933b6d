import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Earlier versions of slots, and the last requests each slot received. */
export const slotHistory: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
