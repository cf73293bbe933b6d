import type { Handler } from '../src/contract/handler.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import { registerTemplate } from '../src/services/template/register-template.ts';
import { templateView } from '../src/services/template/template-view.ts';

/** Binds a template picture to a setting key of a slot. */
export const registerTemplateMedia =
  (deps: MediaDeps): Handler<'registerTemplateMedia'> =>
  async (_request, { actor, receiveUpload, gone }) => {
    const template = await registerTemplate(deps, actor, { receiveUpload, signal: gone });
    return {
      status: 201,
      headers: { 'Cache-Control': 'no-store', Location: `/api/template-media/${template.id}` },
      body: templateView(template),
    };
  };
