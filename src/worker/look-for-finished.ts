import { jobsFinalisedSince } from '../repositories/job-queue.ts';
import type { WorkerDeps } from './worker-deps.ts';

/**
 * The fallback for lost notifications: one query for all requests this process holds, whatever their number.
 *
 * @returns a function to be called every second; it asks nothing while no request is held.
 */
export function createFinishedLook(deps: Pick<WorkerDeps, 'db' | 'held'>): () => Promise<void> {
  let since: Date | null = null;
  return async () => {
    if (deps.held.count() === 0) {
      since = null;
      return;
    }
    const { ids, lookedAt } = await jobsFinalisedSince(deps.db, since);
    since = lookedAt;
    for (const id of ids) deps.held.wake(id, { kind: 'look' });
  };
}
