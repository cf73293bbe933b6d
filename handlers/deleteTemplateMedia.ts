import type { Handler } from '../src/contract/handler.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import { deleteTemplate } from '../src/services/template/delete-template.ts';

/** Unbinds a template from its slot. */
export const deleteTemplateMedia =
  (deps: MediaDeps): Handler<'deleteTemplateMedia'> =>
  async ({ params, query }, { actor }) => {
    await deleteTemplate(deps, actor, {
      id: params.id,
      slotId: query.slot_id,
      settingKey: query.setting_key,
      isForced: query.force === true,
    });
    return { status: 204, headers: { 'Cache-Control': 'no-store' } };
  };
