import type { Handler } from '../src/contract/handler.ts';
import type { ResultMimeType } from '../src/domain/images.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import { openTemplate } from '../src/services/template/open-template.ts';

/** Serves a template's picture. */
export const getTemplateMedia =
  (deps: MediaDeps): Handler<'getTemplateMedia'> =>
  async ({ params }) => {
    const { template, file } = await openTemplate(deps, params.id);
    return {
      status: 200,
      contentType: template.mimeType as ResultMimeType,
      headers: {
        'Cache-Control': 'private, no-cache',
        'Content-Disposition': 'inline',
        ETag: `"${template.sha256}"`,
      },
      bytes: file,
    };
  };
