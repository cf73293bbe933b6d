import type { Handler } from '../src/contract/handler.ts';
import { type DeleteResultDeps, deleteResult as removeResult } from '../src/services/result/delete-result.ts';

/** Deletes a job's picture before its time. */
export const deleteResult =
  (deps: DeleteResultDeps): Handler<'deleteResult'> =>
  async ({ params }, { actor }) => {
    await removeResult(deps, actor, params.job_id);
    return { status: 204, headers: { 'Cache-Control': 'no-store' } };
  };
