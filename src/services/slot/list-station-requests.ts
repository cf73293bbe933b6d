import type { Db } from '../../db/db.ts';
import { STATION_REQUESTS_MAX } from '../../domain/station-request.ts';
import { listStationRequests as listKept, type StationRequest } from '../../repositories/station-requests.ts';
import { needDatabase } from '../database-fault.ts';
import type { StationInspector } from './station-inspector.ts';

/** What listing a slot's requests needs. */
export interface ListStationRequestsDeps {
  readonly db: Db;
  readonly stationInspector: StationInspector;
}

/**
 * The last requests that a slot received, newest first. What this process noted is in it at once, what others did within a second.
 *
 * @throws DomainError `queue_unavailable`.
 */
export async function listStationRequests(
  { db, stationInspector }: ListStationRequestsDeps,
  slotId: string,
): Promise<StationRequest[]> {
  await needDatabase(stationInspector.flush());
  return needDatabase(listKept(db, slotId, STATION_REQUESTS_MAX));
}
