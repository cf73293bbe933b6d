import type { Handler } from '../src/contract/handler.ts';
import type { ResultMimeType } from '../src/domain/images.ts';
import { type DownloadDeps, downloadResult } from '../src/services/result/download-result.ts';

/** Serves a result as an attachment, whole or a range of it, until its retention ends. */
export const downloadPublicResult =
  (deps: DownloadDeps): Handler<'downloadPublicResult'> =>
  async ({ params, headers }, { clientAddress }) => {
    const {
      status,
      file,
      headers: answerHeaders,
      mimeType,
    } = await downloadResult(deps, {
      jobId: params.job_id,
      which: 'picture',
      range: headers.Range,
      ifRange: headers['If-Range'],
      clientAddress,
    });
    return { status, contentType: mimeType as ResultMimeType, headers: answerHeaders, bytes: file };
  };
