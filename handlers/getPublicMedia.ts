import type { Handler } from '../src/contract/handler.ts';
import type { ResultMimeType } from '../src/domain/images.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import { openPublicMedia } from '../src/services/media/open-public-media.ts';

/** Serves the picture under a short-lived link. */
export const getPublicMedia =
  (deps: MediaDeps): Handler<'getPublicMedia'> =>
  async ({ params }, { clientAddress }) => {
    const { mimeType, expiresAt, leftSeconds, file } = await openPublicMedia(deps, { id: params.id, clientAddress });
    return {
      status: 200,
      contentType: mimeType as ResultMimeType,
      headers: { 'Cache-Control': `private, max-age=${leftSeconds}`, Expires: expiresAt.toUTCString() },
      bytes: file,
    };
  };
