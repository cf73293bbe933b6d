import type { Db } from '../db/db.ts';

/** The way into a transaction. Named statements go by the pool and would stay outside of it, so it has none. */
export type Step = Pick<Db, 'kysely'>;

/** One transaction: everything done through `step` happens, or nothing does. Never held across a provider call. */
export const transaction = <Result>(db: Step, work: (step: Step) => Promise<Result>): Promise<Result> =>
  db.kysely.transaction().execute((kysely) => work({ kysely }));
