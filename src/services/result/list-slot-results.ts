import { countSlotResults, listSlotResults as readResults } from '../../repositories/results.ts';
import { needDatabase } from '../database-fault.ts';
import type { JobsDeps } from '../job/list-jobs.ts';
import { resultView } from './result-view.ts';

/** Which page of a slot's results. */
export interface SlotResultsQuery {
  readonly slotId: string;
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
}

/** One page of the pictures of a slot that can be fetched now, newest first. @throws DomainError `queue_unavailable` */
export async function listSlotResults({ db, publicBaseUrl }: JobsDeps, { slotId, page, pageSize }: SlotResultsQuery) {
  const [results, total] = await needDatabase(
    Promise.all([
      readResults(db, slotId, { limit: pageSize, offset: (page - 1) * pageSize }),
      countSlotResults(db, slotId),
    ] as const),
  );
  const baseUrl = publicBaseUrl();
  return {
    data: results.map((result) => resultView(baseUrl, result)),
    meta: { page, page_size: pageSize, total },
  };
}
