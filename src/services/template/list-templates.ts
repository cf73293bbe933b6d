import { countTemplates, listTemplates, type Template, type TemplateFilter } from '../../repositories/templates.ts';
import { needDatabase } from '../database-fault.ts';
import type { MediaDeps } from '../media/media-deps.ts';

/** One page of the templates that fit. */
export interface TemplatePage {
  readonly templates: readonly Template[];
  readonly page: number;
  readonly pageSize: number;
  readonly total: number;
}

/** The templates that are bound now, oldest first. @throws DomainError `queue_unavailable`. */
export function listTemplatePage(
  { db }: Pick<MediaDeps, 'db'>,
  filter: TemplateFilter,
  { page, pageSize }: { readonly page: number; readonly pageSize: number },
): Promise<TemplatePage> {
  const read = async () => {
    const total = await countTemplates(db, filter);
    const templates = await listTemplates(db, filter, { limit: pageSize, offset: (page - 1) * pageSize });
    return { templates, page, pageSize, total };
  };
  return needDatabase(read());
}
