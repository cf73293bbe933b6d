import type { Handler } from '../src/contract/handler.ts';
import { type RerunDeps, rerunJob as runAgain } from '../src/services/job/rerun-job.ts';

/** Runs a finished job again, from the photo that its slot kept. */
export const rerunJob =
  (deps: RerunDeps): Handler<'rerunJob'> =>
  async ({ params, body }, { actor, arrivedAt }) => {
    const { settings = 'current' } = body ?? {};
    const rerun = await runAgain(deps, actor, { jobId: params.job_id, settings, arrivedAt });
    const headers = { 'Cache-Control': 'no-store', Location: `/api/jobs/${rerun.job_id}` };
    return { status: 202, headers, body: rerun };
  };
