import type { Handler } from '../src/contract/handler.ts';
import { auditView } from '../src/services/audit/audit-view.ts';
import { type AuditDeps, listAudit } from '../src/services/audit/list-audit.ts';

/** Shows a page of the audit log. */
export const listAuditEvents =
  (deps: AuditDeps): Handler<'listAuditEvents'> =>
  async ({ query: { page = 1, page_size: pageSize = 20, object_type: objectType, object_id: objectId, ...query } }) => {
    const { events, total } = await listAudit(deps, { ...query, objectType, objectId, page, pageSize });
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: { data: events.map(auditView), meta: { page, page_size: pageSize, total } },
    };
  };
