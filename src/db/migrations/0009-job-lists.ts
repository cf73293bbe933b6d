import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Originals of jobs, and what lists of jobs are read by. */
export const jobLists: Migration = {
  async up(_db: Kysely<unknown>): Promise<void> {},
};
