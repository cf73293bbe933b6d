import type { Db } from '../../db/db.ts';
import { changedFields } from '../../domain/slot-version.ts';
import { countSlotVersions, listSlotVersions, type SlotVersion } from '../../repositories/slot-versions.ts';
import { needDatabase } from '../database-fault.ts';

/** A version, with what was changed by it. */
export interface ListedVersion extends SlotVersion {
  /** Pointers into the slot; null where there is no version before, or it is no longer kept. */
  readonly changedFields: readonly string[] | null;
}

/** One page of a slot's history, newest first. */
export interface VersionPage {
  readonly versions: readonly ListedVersion[];
  readonly total: number;
}

/** @throws DomainError `queue_unavailable`. */
export async function listSlotHistory(
  { db }: { readonly db: Db },
  slotId: string,
  { page, pageSize }: { readonly page: number; readonly pageSize: number },
): Promise<VersionPage> {
  // one more than the page shows: the last one is compared with it
  const window = { limit: pageSize + 1, offset: (page - 1) * pageSize };
  const [found, total] = await needDatabase(
    Promise.all([listSlotVersions(db, slotId, window), countSlotVersions(db, slotId)]),
  );
  const versions = found.slice(0, pageSize).map((version, index) => {
    const before = found[index + 1];
    return { ...version, changedFields: before === undefined ? null : changedFields(before, version) };
  });
  return { versions, total };
}
