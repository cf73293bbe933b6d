import type { Log } from '../../log.ts';
import { hasAttachments } from './attachments.ts';
import { prepareBinaries } from './binaries.ts';
import { type OwnerLock, type OwnerState, takeOwnership } from './owner-lock.ts';
import { choosePlace } from './place.ts';
import { findServer, stopServer } from './server.ts';

/** The server that is to be left: where it is, and how to stop it. */
export interface LeavingPlan {
  readonly stateDirectory: string;
  readonly dataDirectory: string;
  readonly pgCtl: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** Tells the state without a failure of its own: on a full disk even that may fail, and then this process's end tells it. */
export function announce(lock: OwnerLock, state: OwnerState, log: Pick<Log, 'warn'>): void {
  try {
    lock.publish(state);
  } catch (error) {
    log.warn({ err: error, state }, 'The state of the embedded database could not be told to other processes');
  }
}

async function stopAndRelease(lock: OwnerLock, { dataDirectory, pgCtl, log }: LeavingPlan): Promise<void> {
  try {
    const server = findServer(dataDirectory);
    if (server !== undefined) await stopServer(server.pid, dataDirectory, pgCtl);
  } finally {
    announce(lock, 'released', log);
  }
}

/**
 * Gives the ownership up: the server goes on for a living process that is attached, which takes it over, and is stopped when
 * there is none.
 *
 * Both sides write first and look afterwards, so that one of them always sees the other. Who attaches registers, then looks
 * whether the owner still offers the server; the owner tells that it is stopping, then looks who is registered. Who leaves
 * takes its registration back, then looks for an owner ({@link endOrphan}); the owner tells that it is gone, then looks
 * whether anybody is left to take over, and stops the server after all when not.
 */
export async function giveUpServer(lock: OwnerLock, plan: LeavingPlan): Promise<void> {
  const { stateDirectory, dataDirectory, log } = plan;
  for (let held = lock; ; ) {
    announce(held, 'stopping', log);
    if (!hasAttachments(stateDirectory)) return stopAndRelease(held, plan);
    announce(held, 'released', log);
    if (hasAttachments(stateDirectory)) {
      const fields = { data_directory: dataDirectory };
      log.info(fields, 'The embedded PostgreSQL goes on for another process, which takes it over');
      return;
    }
    const ownership = takeOwnership(stateDirectory);
    if (!ownership.owned) return;
    held = ownership.lock;
  }
}

/**
 * Stops a server that nobody owns and nobody uses: its owner died or handed it over, and the last process that could have
 * taken it over leaves. To be called after that process's registration was taken back; does nothing while anybody is left.
 * A failure is logged: the next start adopts the server.
 */
export async function endOrphan({ stateDirectory, log }: Pick<LeavingPlan, 'stateDirectory' | 'log'>): Promise<void> {
  try {
    if (hasAttachments(stateDirectory)) return;
    const ownership = takeOwnership(stateDirectory);
    if (!ownership.owned) return;
    try {
      const { baseDirectory, dataDirectory, account } = choosePlace(stateDirectory, log);
      const { pgCtl } = prepareBinaries({ copyParent: baseDirectory, account, log });
      await giveUpServer(ownership.lock, { stateDirectory, dataDirectory, pgCtl, log });
    } catch (error) {
      announce(ownership.lock, 'released', log);
      throw error;
    }
  } catch (error) {
    log.warn({ err: error }, 'The embedded PostgreSQL, which nobody uses any more, could not be stopped');
  }
}
