import type { Db } from '../../db/db.ts';
import { DomainError } from '../../domain/errors.ts';
import { findMediaPurge, listMediaPurges, type MediaPurge } from '../../repositories/media-purges.ts';
import { needDatabase } from '../database-fault.ts';

/** Where purges are. */
export interface PurgeDeps {
  readonly db: Db;
}

const LISTED_MAX = 50;
const PURGE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** One purge. @throws DomainError `not_found`, `queue_unavailable`. */
export async function findPurge({ db }: PurgeDeps, id: string): Promise<MediaPurge> {
  const purge = PURGE_ID.test(id) ? await needDatabase(findMediaPurge(db, id)) : undefined;
  if (purge === undefined) throw new DomainError('not_found', 'There is no such purge.');
  return purge;
}

/** The last 50 purges, newest first. @throws DomainError `queue_unavailable`. */
export const listPurges = ({ db }: PurgeDeps): Promise<MediaPurge[]> => needDatabase(listMediaPurges(db, LISTED_MAX));
