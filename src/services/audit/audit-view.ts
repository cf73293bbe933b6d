import type { AuditEvent } from '../../repositories/audit-list.ts';

/** An event as the contract shows it. */
export const auditView = (event: AuditEvent) => ({
  id: event.id,
  occurred_at: event.occurredAt.toISOString(),
  actor: event.actor,
  address: event.address,
  action: event.action,
  object_type: event.objectType,
  object_id: event.objectId,
  request_id: event.requestId,
  details: event.details,
});
