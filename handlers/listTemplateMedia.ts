import type { Handler } from '../src/contract/handler.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import { listTemplatePage } from '../src/services/template/list-templates.ts';
import { templateView } from '../src/services/template/template-view.ts';

/** Lists the templates that are bound now. */
export const listTemplateMedia =
  (deps: MediaDeps): Handler<'listTemplateMedia'> =>
  async ({ query }) => {
    const { templates, page, pageSize, total } = await listTemplatePage(
      deps,
      { slotId: query.slot_id, settingKey: query.setting_key },
      { page: query.page ?? 1, pageSize: query.page_size ?? 20 },
    );
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: { data: templates.map(templateView), meta: { page, page_size: pageSize, total } },
    };
  };
