import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Administrators, and the counters that slow down guessing. */
export const access: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
