import type { Handler } from '../src/contract/handler.ts';
import { getJob as readJob } from '../src/services/job/get-job.ts';
import type { JobsDeps } from '../src/services/job/list-jobs.ts';

/** Shows one job. */
export const getJob =
  (deps: JobsDeps): Handler<'getJob'> =>
  async ({ params }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: await readJob(deps, params.job_id),
  });
