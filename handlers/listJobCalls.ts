import type { Handler } from '../src/contract/handler.ts';
import { listJobCalls as readCalls } from '../src/services/job/list-job-calls.ts';
import type { JobsDeps } from '../src/services/job/list-jobs.ts';

/** Lists the calls that were made for a job, and what each cost. */
export const listJobCalls =
  (deps: Pick<JobsDeps, 'db'>): Handler<'listJobCalls'> =>
  async ({ params }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await readCalls(deps, params.job_id),
  });
