/** Reading the audit log. */
import { sql } from 'kysely';
import type { Step } from './transaction.ts';

/** Something that was done. */
export interface AuditEvent {
  readonly id: string;
  readonly occurredAt: Date;
  readonly actor: string;
  readonly address: string | null;
  readonly action: string;
  readonly objectType: string;
  readonly objectId: string | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Which events; what is absent does not matter. */
export interface AuditFilter {
  readonly actor?: string | undefined;
  /** A whole action, or, with a dot at its end, the beginning of several. */
  readonly action?: string | undefined;
  readonly objectType?: string | undefined;
  readonly objectId?: string | undefined;
  /** Not before. */
  readonly from?: Date | undefined;
  /** Before. */
  readonly to?: Date | undefined;
}

/** The part of a list that is shown. */
export interface PageOf {
  readonly offset: number;
  readonly limit: number;
}

/** One page of the events that pass the filter, newest first, and how many pass it. */
export async function listAuditEvents(
  db: Step,
  filter: AuditFilter,
  { offset, limit }: PageOf,
): Promise<{ events: AuditEvent[]; total: number }> {
  const passing = db.kysely.selectFrom('audit_event').where((where) => {
    const { actor, action, objectType, objectId, from, to } = filter;
    // an underscore is a wildcard of LIKE, and no percent sign comes through the contract
    const beginning = action?.endsWith('.') ? `${action.replaceAll('_', '\\_')}%` : undefined;
    return where.and([
      ...(actor === undefined ? [] : [where('actor', '=', actor)]),
      ...(action === undefined ? [] : [beginning ? where('action', 'like', beginning) : where('action', '=', action)]),
      ...(objectType === undefined ? [] : [where('object_type', '=', objectType)]),
      ...(objectId === undefined ? [] : [where('object_id', '=', objectId)]),
      ...(from === undefined ? [] : [where('occurred_at', '>=', from)]),
      ...(to === undefined ? [] : [where('occurred_at', '<', to)]),
    ]);
  });
  // the page is found in an index alone, also a deep one; only its own rows are read
  const [rows, { total }] = await Promise.all([
    db.kysely
      .selectFrom(
        passing
          .select(['occurred_at', 'id'])
          .orderBy('occurred_at', 'desc')
          .orderBy('id', 'desc')
          .offset(offset)
          .limit(limit)
          .as('page'),
      )
      .innerJoin('audit_event as e', 'e.id', 'page.id')
      .selectAll('e')
      .orderBy('e.occurred_at', 'desc')
      .orderBy('e.id', 'desc')
      .execute(),
    passing.select(sql<number>`count(*)::int`.as('total')).executeTakeFirstOrThrow(),
  ]);
  return {
    total,
    events: rows.map((row) => ({
      id: row.id,
      occurredAt: row.occurred_at,
      actor: row.actor,
      address: row.address,
      action: row.action,
      objectType: row.object_type,
      objectId: row.object_id,
      requestId: row.request_id,
      details: row.details,
    })),
  };
}
