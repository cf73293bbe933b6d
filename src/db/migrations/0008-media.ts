import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Template pictures and short-lived public media. */
export const media: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
