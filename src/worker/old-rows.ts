import { AUDIT_DAYS } from '../domain/deadlines.ts';
import { countOldAuditEvents, countOldJobs, deleteOldAuditEvents } from '../repositories/old-rows.ts';
import { deleteOldJobs } from '../repositories/retention.ts';
import type { CleanUpDeps, CleanUpOptions } from './clean-up-options.ts';
import { inBites } from './in-bites.ts';

/** Deletes job rows after their time, with their events. @returns how many. */
export const removeOldJobs = ({ db }: CleanUpDeps, options: CleanUpOptions): Promise<number> =>
  options.isDryRun
    ? countOldJobs(db, options.jobRowDays)
    : inBites(options, () => deleteOldJobs(db, options.jobRowDays));

/** Deletes audit events after their time, and purges that old. @returns how many events. */
export function removeOldAuditEvents({ db }: CleanUpDeps, options: CleanUpOptions): Promise<number> {
  const days = Math.max(AUDIT_DAYS, options.jobRowDays);
  return options.isDryRun ? countOldAuditEvents(db, days) : inBites(options, () => deleteOldAuditEvents(db, days));
}
