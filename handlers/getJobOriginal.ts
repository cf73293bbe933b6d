import type { Handler } from '../src/contract/handler.ts';
import { getOriginal, type OriginalDeps } from '../src/services/job/get-original.ts';

/** Serves the photo of a job as it was received. */
export const getJobOriginal =
  (deps: OriginalDeps): Handler<'getJobOriginal'> =>
  async ({ params }) => {
    const { mimeType, fileName, expiresAt, file } = await getOriginal(deps, params.job_id);
    const headers = {
      'Cache-Control': 'no-store',
      'Content-Disposition': `attachment; filename="${fileName}"`,
      'PhotoChanger-Original-Expires-At': expiresAt.toISOString(),
    };
    return { status: 200, contentType: mimeType, headers, bytes: file };
  };
