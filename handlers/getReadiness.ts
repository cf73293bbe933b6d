import type { Handler } from '../src/contract/handler.ts';
import { checkReadiness, type ReadinessDeps } from '../src/services/health/check-readiness.ts';

/** Says whether photos can be taken now, part by part. */
export const getReadiness =
  (deps: ReadinessDeps): Handler<'getReadiness'> =>
  async () => ({ status: 200, headers: { 'Cache-Control': 'no-store' }, body: await checkReadiness(deps) });
