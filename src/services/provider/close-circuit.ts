import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Provider } from '../../providers/provider.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { closeCircuit as close } from '../../repositories/circuits.ts';
import { type LaneGate, listGates } from '../../repositories/lanes.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';

/** What closing a circuit needs. */
export interface CloseCircuitDeps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
}

/**
 * Lets a provider be called again at once, whatever its latest calls said. Our own limits stay in force.
 *
 * @returns how it stands now.
 * @throws DomainError `not_found`, `queue_unavailable`.
 */
export async function closeCircuit(
  { db, providers }: CloseCircuitDeps,
  actor: Actor,
  providerId: string,
): Promise<LaneGate | undefined> {
  if (!providers.has(providerId))
    throw new DomainError('not_found', `There is no provider "${providerId.slice(0, 64)}".`);
  const work = async (step: Step) => {
    const before = await findGate(step, providerId);
    const wasOpen = await close(step, providerId);
    await recordAudit(step, actor, {
      action: 'provider.circuit_closed',
      objectType: 'provider',
      objectId: providerId,
      details: { was: before?.state ?? 'ready', changed: wasOpen },
    });
    return wasOpen ? findGate(step, providerId) : before;
  };
  return needDatabase(transaction(db, work));
}

const findGate = async (step: Step, providerId: string): Promise<LaneGate | undefined> =>
  (await listGates(step)).find((gate) => gate.providerId === providerId);
