import type { Handler } from '../src/contract/handler.ts';
import { type AuditDeps, listAudit } from '../src/services/audit/list-audit.ts';

/** Shows a page of the audit log. */
export const listAuditEvents =
  (deps: AuditDeps): Handler<'listAuditEvents'> =>
  async ({ query }) => {
    const { page = 1, page_size: pageSize = 20 } = query;
    const { events, total } = await listAudit(deps, {
      actor: query.actor,
      action: query.action,
      objectType: query.object_type,
      objectId: query.object_id,
      from: query.from,
      to: query.to,
      page,
      pageSize,
    });
    const data = events.map((event) => ({
      id: event.id,
      occurred_at: event.occurredAt.toISOString(),
      actor: event.actor,
      address: event.address,
      action: event.action,
      object_type: event.objectType,
      object_id: event.objectId,
      request_id: event.requestId,
      details: event.details,
    }));
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: { data, meta: { page, page_size: pageSize, total } },
    };
  };
