import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Purges that administrators asked for. */
export const purges: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
