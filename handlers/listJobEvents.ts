import type { Handler } from '../src/contract/handler.ts';
import { listJobEvents as readEvents } from '../src/services/job/list-job-events.ts';
import type { JobsDeps } from '../src/services/job/list-jobs.ts';

/** Tells what happened to a job, step by step. */
export const listJobEvents =
  (deps: Pick<JobsDeps, 'db'>): Handler<'listJobEvents'> =>
  async ({ params }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await readEvents(deps, params.job_id),
  });
