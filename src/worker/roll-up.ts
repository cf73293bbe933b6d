import { type CallRollOutcome, rollCalls } from '../repositories/ledger.ts';
import { type RollOutcome, rollTallies } from '../repositories/tallies.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** Far below the 4 s a statement may take, also at the highest rate of photos. */
const HOURS_PER_BITE = 6;
const DAYS_PER_BITE = 7;

/**
 * Counts every hour of the jobs, and every day of the ledger, that is over and not yet counted, in bites that are transactions of their
 * own. Every process does it, the first one that comes: safe beside any number of others, after any crash, and when the database's
 * clock went back.
 */
export async function rollUp({ db, log }: Pick<WorkerDeps, 'db' | 'log'>, signal?: AbortSignal): Promise<void> {
  for (const [bite, what] of [
    [() => rollTallies(db, HOURS_PER_BITE), 'hours'],
    [() => rollCalls(db, DAYS_PER_BITE), 'days of calls'],
  ] as const) {
    let outcome: RollOutcome | CallRollOutcome;
    do {
      outcome = await bite();
      if (outcome === 'unrolled')
        log.warn({}, `the clock of the database went back: its last ${what} are counted anew`);
    } while ((outcome === 'rolled' || outcome === 'unrolled') && signal?.aborted !== true);
  }
}
