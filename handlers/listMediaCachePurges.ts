import type { Handler } from '../src/contract/handler.ts';
import { listPurges, type PurgeDeps } from '../src/services/purge/find-purges.ts';
import { purgeView } from '../src/services/purge/purge-view.ts';

/** Shows the last purges. */
export const listMediaCachePurges =
  (deps: PurgeDeps): Handler<'listMediaCachePurges'> =>
  async () => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: { data: (await listPurges(deps)).map(purgeView) },
  });
