import type { Handler } from '../src/contract/handler.ts';
import { type DownloadDeps, downloadResult } from '../src/services/result/download-result.ts';

/** Serves the small JPEG of a result, for lists and galleries. */
export const getResultThumbnail =
  (deps: DownloadDeps): Handler<'getResultThumbnail'> =>
  async ({ params }, { clientAddress }) => {
    const { file, headers } = await downloadResult(deps, {
      jobId: params.job_id,
      which: 'thumbnail',
      range: undefined,
      clientAddress,
    });
    return { status: 200, contentType: 'image/jpeg', headers, bytes: file };
  };
