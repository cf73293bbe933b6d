import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { needDatabase } from '../database-fault.ts';
import type { HashQueue } from './hash-queue.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';

/** What proving a password needs. */
export interface ProveDeps {
  readonly db: Db;
  readonly throttle: SignInThrottle;
  readonly hashQueue: HashQueue;
}

/**
 * Lets a password be proved when the throttle allows another try, and counts and records a wrong one. A try that is not allowed is
 * not recorded: a flood must not fill the audit log.
 *
 * @param prove undefined for a wrong password; what it throws was no wrong guess.
 * @throws DomainError `login_throttled`, `queue_unavailable`; or whatever `prove` throws.
 */
export async function proveUnderThrottle<Proof>(
  { db, throttle, hashQueue }: ProveDeps,
  actor: Pick<Actor, 'name' | 'requestId'> & { readonly address: string },
  prove: () => Promise<Proof | undefined>,
): Promise<Proof | undefined> {
  // before the database is asked anything: a process that has no time for another hash needs no count either
  hashQueue.demandPlace();
  const oneTry = await throttle.take(actor.name, actor.address);
  let proof: Proof | undefined;
  try {
    proof = await prove();
  } catch (error) {
    // a try that cannot be taken back counts for a minute, no more
    await oneTry.takeBack().catch(() => undefined);
    throw error;
  }
  if (proof !== undefined) {
    await oneTry.takeBack();
    return proof;
  }
  await oneTry.fail();
  const entry = { action: 'login.failed', objectType: 'administrator', objectId: actor.name };
  await needDatabase(recordAudit(db, actor, entry));
  return undefined;
}
