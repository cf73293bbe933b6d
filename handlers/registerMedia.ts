import type { Handler } from '../src/contract/handler.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import { registerMedia as register } from '../src/services/media/register-media.ts';

/** Puts a picture under a short-lived public link. */
export const registerMedia =
  (deps: MediaDeps): Handler<'registerMedia'> =>
  async (_request, { actor, receiveUpload, gone }) => {
    const { id, publicUrl, expiresAt, mimeType, sizeBytes, jobId } = await register(deps, actor, {
      receiveUpload,
      signal: gone,
    });
    return {
      status: 201,
      headers: { 'Cache-Control': 'no-store', Location: publicUrl },
      body: {
        id,
        public_url: publicUrl,
        expires_at: expiresAt.toISOString(),
        mime: mimeType,
        size_bytes: sizeBytes,
        job_id: jobId,
      },
    };
  };
