/** The audit log: append-only; written in the transaction of the change that it tells of. */
import type { Actor } from '../domain/actor.ts';
import type { Step } from './transaction.ts';

/** What was done. */
export interface AuditEntry {
  /** Object and verb, as `slot.updated`, `provider_key.set`, `login.failed`. */
  readonly action: string;
  readonly objectType: string;
  readonly objectId: string | null;
  /** What changed, without secrets and without pictures. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Records what an actor did. */
export async function recordAudit(
  db: Step,
  actor: Pick<Actor, 'name' | 'address' | 'requestId'>,
  entry: AuditEntry,
): Promise<void> {
  await db.kysely
    .insertInto('audit_event')
    .values({
      actor: actor.name,
      address: actor.address,
      action: entry.action,
      object_type: entry.objectType,
      object_id: entry.objectId,
      request_id: actor.requestId,
      details: JSON.stringify(entry.details ?? {}),
    })
    .execute();
}
