import { setTimeout as wait } from 'node:timers/promises';
import { isConnectionFault } from '../repositories/connection-fault.ts';

const PAUSE_MS = 200;

/**
 * Repeats a statement while the database cannot be reached: a picture that was paid for must outlive a restart of the database.
 * The statement may have taken effect although its reply was lost, so it must be safe to repeat.
 *
 * @throws the last fault once `endsAt` (monotonic clock) has passed, the reason of `stop`, and every other error at once.
 */
export async function patiently<T>(
  limits: { stop: AbortSignal; endsAt: number },
  statement: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      if (!isConnectionFault(error) || performance.now() + PAUSE_MS >= limits.endsAt) throw error;
      await wait(PAUSE_MS, undefined, { signal: limits.stop });
    }
  }
}
