import type { Db } from '../../db/db.ts';
import { DomainError, type FieldFault } from '../../domain/errors.ts';
import { type AuditEvent, type AuditFilter, listAuditEvents } from '../../repositories/audit-list.ts';
import { needDatabase } from '../database-fault.ts';

/** The database knows no year 0, and no event is older than the server. */
const EARLIEST = Date.UTC(2000, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

/** Where the audit log is. */
export interface AuditDeps {
  readonly db: Db;
}

/** Which page of which events. */
export interface AuditQuery extends Omit<AuditFilter, 'from' | 'to'> {
  /** Moments of RFC 3339. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
}

/** One page of the audit log, newest first, and how many events pass. @throws DomainError `invalid_request`, `queue_unavailable`. */
export async function listAudit(
  { db }: AuditDeps,
  { page, pageSize, ...query }: AuditQuery,
): Promise<{ events: AuditEvent[]; total: number }> {
  const faults: FieldFault[] = [];
  const filter = { ...query, from: momentOf('from', query.from, faults), to: momentOf('to', query.to, faults) };
  if (filter.from !== undefined && filter.to !== undefined && filter.from >= filter.to)
    faults.push({ pointer: '/query/to', message: 'must be after from', keyword: 'range' });
  if (faults.length > 0)
    throw new DomainError('invalid_request', 'There are no events of this range.', { details: { fields: faults } });
  return needDatabase(listAuditEvents(db, filter, { offset: (page - 1) * pageSize, limit: pageSize }));
}

/** A leap second keeps to the format and is no moment here. */
function momentOf(name: 'from' | 'to', text: string | undefined, faults: FieldFault[]): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (at.getTime() >= EARLIEST && at.getTime() <= LATEST) return at;
  faults.push({ pointer: `/query/${name}`, message: 'must be a moment in the years 2000 to 2100', keyword: 'format' });
  return undefined;
}
