import type { Handler } from '../src/contract/handler.ts';
import type { PurgeDeps } from '../src/services/purge/find-purges.ts';
import { requestPurge } from '../src/services/purge/request-purge.ts';

/** Queues a purge; a body that is left out means everything, for real. */
export const enqueueMediaCachePurge =
  (deps: PurgeDeps): Handler<'enqueueMediaCachePurge'> =>
  async ({ body }, { actor }) => {
    const { id, scope, isDryRun, expiresCutoff } = await requestPurge(deps, actor, {
      scope: body?.scope ?? 'full',
      isDryRun: body?.dry_run ?? false,
    });
    return {
      status: 202,
      headers: { 'Cache-Control': 'no-store', Location: `/api/media/cache/purge/${id}` },
      body: {
        status: 'queued_for_gc',
        scope,
        job_id: id,
        expires_cutoff: expiresCutoff.toISOString(),
        dry_run: isDryRun,
      },
    };
  };
