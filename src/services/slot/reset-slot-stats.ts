import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { lockReset, resetStats } from '../../repositories/slots.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';

/**
 * Lets a slot's statistics begin now, by the database's clock. What came before is hidden in that slot's view only; the slot itself
 * is not changed by it.
 *
 * @throws DomainError `slot_not_found`, `reset_in_progress`, `queue_unavailable`.
 */
export const resetSlotStats = (deps: { readonly db: Db }, actor: Actor, slotId: string): Promise<Date> =>
  needDatabase(
    transaction(deps.db, async (step) => {
      if (!(await lockReset(step, slotId)))
        throw new DomainError('reset_in_progress', `The statistics of ${slotId} are being reset already.`);
      const lastResetAt = await resetStats(step, slotId);
      if (lastResetAt === undefined) throw new DomainError('slot_not_found', `There is no slot "${slotId}".`);
      await recordAudit(step, actor, {
        action: 'slot.stats_reset',
        objectType: 'slot',
        objectId: slotId,
        details: { last_reset_at: lastResetAt.toISOString() },
      });
      return lastResetAt;
    }),
  );
