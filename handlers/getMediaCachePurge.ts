import type { Handler } from '../src/contract/handler.ts';
import { findPurge, type PurgeDeps } from '../src/services/purge/find-purges.ts';
import { purgeView } from '../src/services/purge/purge-view.ts';

/** Shows what became of a purge. */
export const getMediaCachePurge =
  (deps: PurgeDeps): Handler<'getMediaCachePurge'> =>
  async ({ params }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: purgeView(await findPurge(deps, params.job_id)),
  });
