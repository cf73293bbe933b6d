import type { Handler } from '../src/contract/handler.ts';
import { type CancelDeps, cancelJob as endJob } from '../src/services/job/cancel-job.ts';

/** Ends a job that is not finished. */
export const cancelJob =
  (deps: CancelDeps): Handler<'cancelJob'> =>
  async ({ params }, { actor }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await endJob(deps, actor, params.job_id),
  });
