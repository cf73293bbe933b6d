import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What happened in each hour, counted once. */
export const tallies: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
