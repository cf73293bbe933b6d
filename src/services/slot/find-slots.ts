import type { Db } from '../../db/db.ts';
import { listSlots, type Slot, type SlotFilter } from '../../repositories/slots.ts';
import { needDatabase } from '../database-fault.ts';

/** The slots that fit, by id. @throws DomainError `queue_unavailable`. */
export const findSlots = ({ db }: { readonly db: Db }, filter: SlotFilter): Promise<Slot[]> =>
  needDatabase(listSlots(db, filter));
