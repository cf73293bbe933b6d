import type { Db } from '../db/db.ts';
import { clientNetwork } from '../domain/client-network.ts';
import { DomainError } from '../domain/errors.ts';
import { countRequest } from '../repositories/throttle.ts';
import { needDatabase } from './database-fault.ts';
import { createLockedKeys } from './locked-keys.ts';

/** Limits how often one address may ask; of IPv6 the network of 64 bits. */
export interface AddressThrottle {
  /** Counts one request. @throws DomainError `rate_limited` with the wait; `queue_unavailable`. */
  take(address: string): Promise<void>;
}

/** What is limited, and how. */
export interface AddressLimit {
  /** Addresses are counted for each name by themselves. */
  readonly name: string;
  readonly requestsPerMinute: number;
}

const WINDOW_SECONDS = 60;

/** Counts in the database, so that all processes together keep the limit; a minute begins with an address's first request. */
export function createAddressThrottle(db: Db, { name, requestsPerMinute }: AddressLimit): AddressThrottle {
  const locked = createLockedKeys();
  const limit = { requestsMax: requestsPerMinute, windowSeconds: WINDOW_SECONDS };
  return {
    async take(address) {
      const key = `${name}:${clientNetwork(address)}`;
      let waitMs = locked.waitMs(key);
      if (waitMs === 0) {
        waitMs = await needDatabase(countRequest(db, key, limit));
        if (waitMs === 0) return;
        locked.remember(key, waitMs);
      }
      throw new DomainError('rate_limited', 'Too many requests from this address. Wait a little.', {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      });
    },
  };
}
