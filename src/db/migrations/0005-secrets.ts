import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Provider keys and token keys, encrypted. */
export const secrets: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
