import type { Db } from '../../db/db.ts';
import { deleteOverThrottles } from '../../repositories/throttle.ts';
import { deleteOverTokenKeys } from './token-keys.ts';

/** Deletes counters and keys that no longer matter. Nothing depends on when this runs: what is over does not count before either. */
export async function keepUpAccess(db: Db): Promise<void> {
  await deleteOverThrottles(db);
  await deleteOverTokenKeys(db);
}
