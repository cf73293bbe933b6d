import { rollTallies } from '../repositories/tallies.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** Far below the 4 s a statement may take, also at the highest rate of photos. */
const HOURS_PER_BITE = 6;

/**
 * Counts every hour that is over and not yet counted, in bites that are transactions of their own. Every process does it, the
 * first one that comes: safe beside any number of others, after any crash, and when the database's clock went back.
 */
export async function rollUp({ db, log }: Pick<WorkerDeps, 'db' | 'log'>, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const outcome = await rollTallies(db, HOURS_PER_BITE);
    if (outcome === 'unrolled') log.warn({}, 'the clock of the database went back: its last hours are counted anew');
    if ((outcome !== 'rolled' && outcome !== 'unrolled') || signal?.aborted === true) return;
  }
}
