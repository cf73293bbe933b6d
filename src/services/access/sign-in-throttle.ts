/**
 * Slows down guessing of passwords: five failures of a name from one address within a minute lock that name for that address for
 * five minutes, and thirty failures of any names lock the address. Nobody's name is locked from other addresses. A name that nobody
 * has is counted like any other.
 */
import type { Db } from '../../db/db.ts';
import { clientNetwork } from '../../domain/client-network.ts';
import { DomainError } from '../../domain/errors.ts';
import { settleTry, type TryLimits, takeTry } from '../../repositories/throttle.ts';
import { needDatabase } from '../database-fault.ts';
import { createLockedKeys } from '../locked-keys.ts';

const FAILURES_OF_NAME = 5;
const FAILURES_OF_ADDRESS = 30;
const WINDOW_SECONDS = 60;
const LOCK_SECONDS = 300;

/** A try that was allowed; it counts as failed until it is settled, so that tries at once cannot pass the limit together. */
export interface SignInTry {
  /** It was a wrong guess. */
  fail(): Promise<void>;
  /** It was none. */
  takeBack(): Promise<void>;
}

/** Counts failed tries in all processes together. */
export interface SignInThrottle {
  /** @throws DomainError `login_throttled` with the wait; `queue_unavailable`. */
  take(name: string, address: string): Promise<SignInTry>;
}

/** The throttle of sign-ins, and of the current password where somebody changes it. */
export function createSignInThrottle(db: Db): SignInThrottle {
  const locked = createLockedKeys();
  return {
    async take(name, address) {
      const limits = limitsOf(name, address);
      const known = Math.max(...limits.keys.map((key) => locked.waitMs(key)));
      if (known > 0) throw throttled(known);
      const outcome = await needDatabase(takeTry(db, limits));
      if ('waitMs' in outcome) {
        locked.remember(outcome.lockedKey, outcome.waitMs);
        throw throttled(outcome.waitMs);
      }
      const settle = (isFailure: boolean) => needDatabase(settleTry(db, limits, outcome.takenAt, isFailure));
      return { fail: () => settle(true), takeBack: () => settle(false) };
    },
  };
}

function limitsOf(name: string, address: string): TryLimits {
  const network = clientNetwork(address);
  return {
    keys: [`sign-in:${network}:${name}`, `sign-in:${network}`],
    triesMax: [FAILURES_OF_NAME, FAILURES_OF_ADDRESS],
    windowSeconds: WINDOW_SECONDS,
    lockSeconds: LOCK_SECONDS,
  };
}

const throttled = (waitMs: number) =>
  new DomainError(
    'login_throttled',
    'Too many failed tries. Wait before trying again; until then no password is looked at.',
    {
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    },
  );
