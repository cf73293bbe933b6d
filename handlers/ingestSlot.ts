import type { Handler } from '../src/contract/handler.ts';
import type { ResultMimeType } from '../src/domain/images.ts';
import type { IngestDeps } from '../src/services/job/ingest-deps.ts';
import { ingestPhoto } from '../src/services/job/ingest-photo.ts';

/** Takes a station's photo and answers with the processed picture, as bare bytes. */
export const ingestSlot =
  (deps: IngestDeps): Handler<'ingestSlot'> =>
  async ({ params, query }, { arrivedAt, clientAddress, userAgent, gone, receiveUpload }) => {
    const { jobId, picture } = await ingestPhoto(deps, {
      slotId: params.slotId,
      arrivedAt,
      clientAddress,
      userAgent,
      gone,
      receiveUpload,
      queryTokens: query,
    });
    return {
      status: 200,
      contentType: picture.mimeType as ResultMimeType,
      headers: { 'X-Job-Id': jobId, 'PhotoChanger-Provider': picture.providerId, 'Cache-Control': 'no-store' },
      bytes: picture.bytes,
    };
  };
